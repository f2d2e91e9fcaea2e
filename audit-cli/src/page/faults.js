// Faults on demand.

import { byId, el } from "./dom.js";

const KINDS = [
  ["500", "500", "An error of the server; nothing is stored"],
  ["503", "503", "The service is unavailable; nothing is stored"],
  ["429=2s", "429, Retry-After: 2", "Too many requests; says when to come back"],
  ["429", "429", "Too many requests; does not say when"],
  ["reset", "Connection reset", "Before anything is stored"],
  ["reply-lost", "Reply lost", "Stored, then the connection is reset"],
  ["latency=2s", "Latency of 2 s", "The answer comes, late"],
  ["slow=5s", "Slow reply", "Stored, then the answer trickles for 5 s"],
  ["hang", "Hang", "No answer ever; the client must give up"],
  ["garbage", "Garbage with 200", "A body that is not JSON, as from a proxy"],
  ["not-success", "success: false", "200, but nothing is stored"],
];

export class Faults {
  constructor() {
    byId("fault-kinds").append(...KINDS.map(([value, name, words], index) =>
      el("label", {},
        el("input", { type: "radio", name: "kind", value, checked: index === 0 }),
        el("span", {}, el("b", { textContent: name }), el("small", { textContent: words })))));
    byId("fault-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.inject(new FormData(event.target));
    });
    byId("fault-clear").addEventListener("click", () => this.send("DELETE", undefined, "All faults are ended."));
    for (const [field, when] of [["fault-next", "next"], ["fault-share", "share"]]) {
      byId(field).addEventListener("focus", () => {
        document.querySelector(`input[name=when][value=${when}]`).checked = true;
      });
    }
  }

  inject(form) {
    const order = { fault: form.get("kind") };
    if (form.get("when") === "next") order.next = Number(byId("fault-next").value);
    else order.share = Number(byId("fault-share").value) / 100;
    this.send("POST", order, order.next
      ? `The next ${order.next} requests meet ${order.fault}.`
      : `${Math.round(order.share * 100)} % of requests meet ${order.fault}.`);
  }

  async send(method, body, said) {
    const response = await fetch("/_audited/faults", { method, body: body && JSON.stringify(body) });
    const answer = await response.json();
    byId("fault-said").textContent = response.ok ? said : answer.message;
    if (response.ok) this.show(answer);
  }

  show({ next, shares }) {
    const items = [
      ...next.map(({ fault, next }) => `${fault}: the next ${next.toLocaleString()} requests`),
      ...shares.map(({ fault, share }) => `${fault}: ${+(share * 100).toFixed(1)} % of requests`),
    ];
    const key = items.join("\n");
    if (key === this.shown) return;
    this.shown = key;
    byId("fault-list").replaceChildren(...(items.length === 0 ? ["None."] : items)
      .map((textContent) => el("li", { textContent })));
    const badge = byId("fault-badge");
    badge.hidden = items.length === 0;
    badge.textContent = items.length;
  }
}
