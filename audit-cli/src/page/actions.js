// Actions with their schemas and versions.

import { byId, el, jsonBlock } from "./dom.js";

export async function showActions() {
  const response = await fetch("/_audited/actions");
  const actions = await response.json();
  const open = new Set([...document.querySelectorAll("#actions details[open]")].map((d) => d.dataset.name));
  byId("actions").replaceChildren(...(actions.length === 0 ? [nothing()] : actions.reverse().map((action) => card(action, open))));
}

function nothing() {
  return el("p", { textContent: "No action is registered yet. Create a schema over the API, start with --schemas FILE, or with --register-on-first-use." });
}

function card({ name, learned, updated_at, schemas }, open) {
  const count = schemas.length === 1 ? "1 version" : `${schemas.length} versions`;
  const targets = schemas[0].targets.map((target) => target.type).join(", ") || "none seen";
  const details = el("details", { className: "card", open: open.has(name) },
    el("summary", {},
      el("span", { className: "action", textContent: name }),
      el("span", { className: `chip ${learned ? "failure" : "stored"}`, textContent: learned ? "seen, not registered" : count }),
      el("span", { className: "kind", textContent: `targets: ${targets}` })),
    el("div", { className: "inside" },
      learned ? el("p", { textContent: "Its events are taken because the server registers on first use. WorkOS refuses them until a schema is created." }) : null,
      el("p", { className: "kind", textContent: `Last changed ${updated_at}` }),
      ...schemas.map((schema) => el("div", {}, el("h3", { textContent: `Version ${schema.version}` }), jsonBlock(shape(schema))))));
  details.dataset.name = name;
  return details;
}

function shape({ targets, actor, metadata }) {
  return JSON.parse(JSON.stringify({ targets, actor, metadata }));
}
