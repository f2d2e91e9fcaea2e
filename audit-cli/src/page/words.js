// What a request's result is called, and what is worth knowing about an event.

const OUTCOMES = {
  failure: "The action failed.",
  panicked: "The handler panicked.",
  cancelled: "The caller went away before the handler ended.",
  unknown: "Whether the action was done is not known.",
};

/** The label of a row's result, and the class that colours it. */
export function outcome(row) {
  switch (row.verdict) {
    case "stored":
      return row.outcome && row.outcome !== "success"
        ? { label: row.outcome, className: "failure" }
        : { label: "success", className: "stored" };
    case "refused":
      return { label: `refused ${row.status}`, className: "refused" };
    case "faulted":
      return { label: `fault ${row.fault}`, className: "faulted" };
    default:
      return { label: row.verdict, className: "quiet" };
  }
}

/** What became of the request, in a heading and sentences. */
export function told(request) {
  const fault = request.fault ? ` It met the fault ${request.fault}.` : "";
  switch (request.verdict) {
    case "stored":
      return ["stored", "Stored", `Answered with ${request.status ?? "nothing"}.${fault}`];
    case "repeated":
      return ["quiet", "Stored before", `The same key and bytes were stored already, so the same answer was given: ${request.status ?? "none"}.${fault}`];
    case "refused":
      return ["refused", `Refused with ${request.status}`, sentence(request.reason), sentence(request.advice)];
    case "faulted":
      return ["faulted", `Met the fault ${request.fault}`, `Nothing was stored. The client saw ${request.status ? `status ${request.status}` : "no answer"}.`];
    default:
      return ["quiet", `Answered with ${request.status}`, `${request.method} ${request.path}`];
  }
}

function sentence(text) {
  if (!text) return "";
  const first = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** What was cut, hidden or stands for something absent: [path, words] each. */
export function notes(event) {
  const found = [];
  const metadata = (holder, path, name) => {
    for (const [key, value] of Object.entries(holder?.metadata ?? {})) {
      const at = [...path, "metadata", key];
      const note = valueNote(value);
      if (note) found.push([at, `${name} metadata ${key}: ${note}`]);
    }
  };
  if (typeof event !== "object" || event === null) return found;
  const said = OUTCOMES[event.metadata?.outcome];
  if (said) found.push([["metadata", "outcome"], said]);
  metadata(event, [], "event");
  metadata(event.actor, ["actor"], "actor");
  if (event.actor?.type === "unknown") found.push([["actor", "type"], "No actor was known."]);
  const targets = Array.isArray(event.targets) ? event.targets : [];
  targets.forEach((target, index) => {
    metadata(target, ["targets", index], `target ${index + 1}`);
    if (target?.id === "none") found.push([["targets", index, "id"], `Target ${index + 1} stands for a ${target.type} that was absent.`]);
  });
  return found;
}

function valueNote(value) {
  if (typeof value !== "string") return null;
  if (value === "[redacted]") return "redacted";
  if (value.startsWith("hmac-sha256:")) return "a hash stands for the value";
  if (value.startsWith("****")) return "masked";
  if ([...value].length === 500) return "as long as a value may be, so it may have been cut";
  if (value.endsWith("…")) return "cut";
  return null;
}

/** An actor or a target: its type, and its name or id. Nothing if it has neither. */
export function party(value) {
  if (!value?.type && !value?.id) return null;
  return [value.type ?? "?", value.name ?? value.id ?? "?"];
}

export const clock = (iso) => iso.slice(11, 23);
