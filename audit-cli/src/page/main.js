// Puts the parts together: the stream in, the filters, the views.

import { showActions } from "./actions.js";
import { Chart } from "./chart.js";
import { Detail } from "./detail.js";
import { byId, copy, el, setText } from "./dom.js";
import { Faults } from "./faults.js";
import { predicate } from "./filter.js";
import { Table } from "./table.js";

const VIEWS = ["events", "actions", "faults"];
const SELECTS = { action: new Set(), organization: new Set() };
const MOST_OPTIONS = 200;

const chart = new Chart();
const faults = new Faults();
const table = new Table({ open: (number) => { location.hash = `#/events/${number}`; } });
const detail = new Detail({ closed: () => { location.hash = "#/events"; byId("grid").focus(); } });

let instance = null;
let announced = { stored: 0, refused: 0 };

function live(state, words) {
  byId("live").dataset.state = state;
  setText(byId("live-text"), words);
}

function receive({ requests, status }) {
  if (instance !== null && instance !== status.instance) {
    table.clear();
    chart.clear();
  }
  instance = status.instance;
  if (requests.length > 0) {
    learnOptions(requests);
    table.add(requests);
    chart.add(requests);
  }
  chart.draw(status.now);
  for (const kind of ["stored", "repeated", "refused", "faulted"]) {
    setText(byId(`count-${kind}`), status.counts[kind].toLocaleString());
  }
  faults.show(status.faults);
  // Which keys are good is not told to the page.
  const key = status.settings.any_api_key ? "sk_test_local" : "THE_KEY_IT_WAS_STARTED_WITH";
  setText(byId("setup"), `export WORKOS_BASE_URL=${location.origin}\nexport WORKOS_API_KEY=${key}`);
  byId("register-hint").hidden = status.settings.register_on_first_use;
  table.draw();
  live("live", `Live at ${location.host}${status.settings.durable ? ", kept on disk" : ""}`);
  latest = status.counts;
}

let latest = announced;
// A screen reader is told now and then, not of every event.
setInterval(() => {
  const stored = latest.stored - announced.stored;
  const refused = latest.refused - announced.refused;
  if (stored > 0 || refused > 0) {
    byId("announce").textContent = `${stored} new events${refused > 0 ? `, ${refused} refused` : ""}`;
    announced = { stored: latest.stored, refused: latest.refused };
  }
}, 5000);

function learnOptions(requests) {
  for (const [name, known] of Object.entries(SELECTS)) {
    const select = byId(`filter-${name}`);
    for (const request of requests) {
      const value = request[name];
      if (value && !known.has(value) && known.size < MOST_OPTIONS) {
        known.add(value);
        const option = el("option", { value, textContent: value });
        const after = [...select.options].slice(1).find((other) => other.value > value);
        select.insertBefore(option, after ?? null);
      }
    }
  }
}

function connect() {
  const stream = new EventSource("/_audited/stream");
  stream.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  stream.addEventListener("error", () => live("lost", "The server is gone; trying again"));
}

function applyFilters() {
  const form = {
    query: byId("query").value,
    verdict: byId("filter-verdict").value,
    action: byId("filter-action").value,
    organization: byId("filter-organization").value,
  };
  table.filter(predicate(form));
  const query = new URLSearchParams();
  if (form.action) query.set("action", form.action);
  if (form.organization) query.set("organization", form.organization);
  byId("csv").href = `/_audited/events.csv${query.size > 0 ? `?${query}` : ""}`;
}

function route() {
  const [, view = "events", number] = location.hash.split("/");
  const shown = VIEWS.includes(view) ? view : "events";
  for (const name of VIEWS) {
    byId(`view-${name}`).hidden = name !== shown;
    const tab = byId(`tab-${name}`);
    if (name === shown) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  if (shown === "actions") showActions();
  if (shown === "events" && /^\d+$/.test(number ?? "")) {
    table.active = Number(number);
    detail.show(Number(number));
  } else {
    detail.hide();
  }
  table.draw();
}

byId("filters").addEventListener("input", applyFilters);
byId("filters").addEventListener("change", applyFilters);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("clear-filters").addEventListener("click", () => {
  byId("filters").reset();
  applyFilters();
  byId("query").focus();
});
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
  if (event.key === "/" && !typing && !byId("view-events").hidden) {
    event.preventDefault();
    byId("query").focus();
  }
});
byId("copy-setup").addEventListener("click", (event) => copy(byId("setup").textContent, event.target));
window.addEventListener("hashchange", route);
route();
connect();
