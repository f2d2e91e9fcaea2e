// Requests a minute by outcome, the last half hour, stacked.

import { byId } from "./dom.js";

const MINUTES = 30;
const KINDS = ["stored", "repeated", "refused", "faulted"];
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 48;

export class Chart {
  constructor() {
    this.minutes = new Map();
    this.svg = byId("chart");
    this.bars = [];
    for (let i = 0; i < MINUTES; i += 1) {
      this.bars.push(Object.fromEntries(KINDS.map((kind) => {
        const rect = document.createElementNS(SVG, "rect");
        rect.setAttribute("class", `bar-${kind}`);
        rect.setAttribute("x", (i * WIDTH) / MINUTES + 1);
        rect.setAttribute("width", WIDTH / MINUTES - 2);
        this.svg.append(rect);
        return [kind, rect];
      })));
    }
  }

  add(rows) {
    for (const { received_at, verdict } of rows) {
      const minute = Math.floor(Date.parse(received_at) / 60_000);
      const counts = this.minutes.get(minute) ?? {};
      counts[verdict] = (counts[verdict] ?? 0) + 1;
      this.minutes.set(minute, counts);
    }
  }

  clear() {
    this.minutes.clear();
  }

  draw(now) {
    const last = Math.floor(Date.parse(now) / 60_000);
    for (const minute of this.minutes.keys()) {
      if (minute <= last - MINUTES) this.minutes.delete(minute);
    }
    const columns = this.bars.map((_, index) => this.minutes.get(last - MINUTES + 1 + index) ?? {});
    const total = (counts) => KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
    const most = Math.max(1, ...columns.map(total));
    columns.forEach((counts, index) => {
      let top = HEIGHT;
      for (const kind of KINDS) {
        // What is there at all can be seen.
        const height = counts[kind] ? Math.max(1.5, (counts[kind] / most) * (HEIGHT - 2)) : 0;
        top -= height;
        this.bars[index][kind].setAttribute("y", top);
        this.bars[index][kind].setAttribute("height", height);
      }
    });
    const sums = KINDS.map((kind) => [kind, columns.reduce((sum, c) => sum + (c[kind] ?? 0), 0)])
      .filter(([, sum]) => sum > 0)
      .map(([kind, sum]) => `${sum.toLocaleString()} ${kind}`);
    this.svg.setAttribute("aria-label", sums.length === 0
      ? "No requests in the last 30 minutes"
      : `Last 30 minutes: ${sums.join(", ")}; at most ${most.toLocaleString()} a minute`);
  }
}
