// One request in full.

import { byId, copy, el, jsonBlock, prose } from "./dom.js";
import { clock, notes, outcome, told } from "./words.js";

export class Detail {
  constructor({ closed }) {
    this.panel = byId("detail");
    this.closed = closed;
    this.number = null;
    byId("detail-close").addEventListener("click", () => this.closed());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.panel.hidden) this.closed();
    });
  }

  hide() {
    this.number = null;
    this.panel.hidden = true;
    this.panel.parentElement.classList.remove("opened");
  }

  /** Shows a request; a later call wins over an earlier one whose answer comes late. */
  async show(number) {
    this.number = number;
    const response = await fetch(`/_audited/requests/${number}`);
    const request = await response.json();
    if (this.number !== number) return;
    byId("detail-title").textContent = response.ok
      ? request.action ?? `${request.method} ${request.path}`
      : `Request ${number}`;
    byId("detail-body").replaceChildren(...(response.ok ? parts(request) : [el("p", { textContent: request.message })]));
    this.panel.hidden = false;
    this.panel.parentElement.classList.add("opened");
    this.panel.scrollTop = 0;
    byId("detail-title").focus({ preventScroll: true });
  }
}

function parts(request) {
  return [verdict(request), facts(request), attempts(request), noted(request), answer(request), body(request)]
    .filter(Boolean);
}

function verdict(request) {
  const [className, heading, ...sentences] = told(request);
  return el("div", { className: `told ${className}` },
    el("strong", { textContent: heading }),
    ...sentences.filter(Boolean).map((text) => el("p", {}, ...prose(text))));
}

function facts(request) {
  const list = el("dl", { className: "facts" });
  const fact = (name, value) => {
    if (value !== null && value !== undefined && value !== "") {
      list.append(el("dt", { textContent: name }), el("dd", { textContent: value }));
    }
  };
  fact("Received", request.received_at);
  fact("Occurred", request.occurred_at);
  fact("Organization", request.organization);
  fact("Version", request.version);
  fact("Key", request.key ?? (request.path === "/audit_logs/events" ? "none: one is made from the event" : null));
  return list;
}

function attempts(request) {
  if (request.attempts.length < 2) return null;
  const rows = request.attempts.map((attempt) => {
    const { label, className } = outcome(attempt);
    const here = attempt.number === request.number;
    return el("li", {},
      el("span", { className: "time", textContent: clock(attempt.received_at) }),
      el("span", { className: `chip ${className}`, textContent: attempt.verdict === "stored" ? "stored" : label }),
      here ? el("span", { className: "kind", textContent: "this one" })
        : el("a", { href: `#/events/${attempt.number}`, textContent: `request ${attempt.number}` }));
  });
  return el("div", {},
    el("h3", { textContent: `${rows.length} attempts with this key and these bytes` }),
    el("ul", { className: "plain attempts" }, ...rows));
}

function noted(request) {
  const found = notes(parsed(request)?.event);
  if (found.length === 0) return null;
  return el("div", {},
    el("h3", { textContent: "Worth knowing" }),
    el("ul", { className: "notes" }, ...found.map(([, textContent]) => el("li", { textContent }))));
}

function answer(request) {
  if (!request.answer) return null;
  return el("div", {}, el("h3", { textContent: "The client was answered" }), jsonBlock(request.answer));
}

function body(request) {
  if (!request.body) return null;
  const value = parsed(request);
  const button = el("button", { className: "small", type: "button", textContent: "Copy" });
  button.addEventListener("click", () => copy(request.body, button));
  const marks = new Set(notes(value?.event).map(([path]) => JSON.stringify(["event", ...path])));
  const shown = value === undefined
    ? el("pre", { className: "json", textContent: request.body, tabIndex: 0 })
    : jsonBlock(value, (path) => marks.has(JSON.stringify(path)));
  return el("div", {},
    el("div", { className: "titled" }, el("h3", { textContent: "What was sent" }), button), shown);
}

function parsed(request) {
  try {
    return JSON.parse(request.body);
  } catch {
    return undefined;
  }
}
