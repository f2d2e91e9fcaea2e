// Which rows are shown: words that must all occur, fields, and three selects.

const FIELDS = {
  action: (row) => row.action,
  actor: (row) => [row.actor?.type, row.actor?.id, row.actor?.name].join(" "),
  target: (row) => row.targets.map((t) => [t.type, t.id, t.name].join(" ")).join(" "),
  org: (row) => row.organization,
  location: (row) => row.location,
  key: (row) => row.key,
  status: (row) => row.status,
  is: (row) => `${row.verdict} ${row.outcome ?? ""} ${row.fault ? "fault" : ""}`,
};

/** All text of a row, made once. */
function text(row) {
  row.text ??= [
    ...Object.values(FIELDS).map((field) => field(row)), row.path, row.reason, row.received_at,
  ].join(" ").toLowerCase();
  return row.text;
}

/** `actor:"Jon Smith" refused` into words and fields. */
export function parse(query) {
  const terms = [];
  for (const [, name, quoted, bare] of query.matchAll(/(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi)) {
    const value = (quoted ?? bare).toLowerCase();
    const field = name && FIELDS[name.toLowerCase()];
    if (name && !field) terms.push({ value: `${name.toLowerCase()}:${value}` });
    else terms.push({ field, value });
  }
  return terms;
}

/** The predicate of the form. */
export function predicate({ query, verdict, action, organization }) {
  const terms = parse(query);
  return (row) =>
    (!verdict || row.verdict === verdict) &&
    (!action || row.action === action) &&
    (!organization || row.organization === organization) &&
    terms.every(({ field, value }) =>
      field ? String(field(row) ?? "").toLowerCase().includes(value) : text(row).includes(value));
}
