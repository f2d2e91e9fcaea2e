// The table: newest first, ten thousand rows, of which only those in sight are in the document.

import { byId, el, setText } from "./dom.js";
import { clock, outcome, party } from "./words.js";

const KEPT = 10_000;
const SPARE = 8;

export class Table {
  constructor({ open }) {
    this.open = open;
    this.grid = byId("grid");
    this.space = byId("rows");
    this.all = [];
    this.view = [];
    this.matches = () => true;
    this.pool = [];
    this.active = null;
    this.unseen = 0;
    this.frame = 0;
    this.measure();
    this.grid.addEventListener("scroll", () => this.draw(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.space.addEventListener("click", (event) => {
      const row = event.target.closest("[role=row]");
      if (row) this.choose(Number(row.dataset.place), true);
    });
    byId("newer").addEventListener("click", () => this.toTop());
    new ResizeObserver(() => { this.measure(); this.draw(); }).observe(this.grid);
  }

  measure() {
    const style = getComputedStyle(document.documentElement);
    this.height = parseFloat(style.getPropertyValue("--row")) || 40;
  }

  /** Takes new requests, oldest first. */
  add(rows) {
    this.all.push(...rows);
    const fitting = rows.filter(this.matches);
    this.view.push(...fitting);
    const over = this.all.length - KEPT;
    if (over > 0) {
      this.all.splice(0, over);
      const oldest = this.all[0].number;
      const gone = this.view.findIndex((row) => row.number >= oldest);
      this.view.splice(0, gone < 0 ? this.view.length : gone);
    }
    if (this.grid.scrollTop > this.height && fitting.length > 0) {
      // What is being read stays where it is.
      this.size();
      this.grid.scrollTop += fitting.length * this.height;
      this.unseen += fitting.length;
    }
    this.draw();
  }

  /** Empties the table: the server began anew. */
  clear() {
    this.all = [];
    this.view = [];
    this.active = null;
    this.unseen = 0;
    this.draw();
  }

  filter(matches) {
    this.matches = matches;
    this.view = this.all.filter(matches);
    this.grid.scrollTop = 0;
    this.unseen = 0;
    this.draw();
  }

  toTop() {
    this.grid.scrollTop = 0;
    this.unseen = 0;
    this.draw();
    this.grid.focus();
  }

  /** The row at a place, newest first. */
  at(place) {
    return this.view[this.view.length - 1 - place];
  }

  placeOf(number) {
    const index = this.view.findIndex((row) => row.number === number);
    return index < 0 ? -1 : this.view.length - 1 - index;
  }

  choose(place, open) {
    const row = this.at(place);
    if (!row) return;
    this.active = row.number;
    const head = byId("grid").firstElementChild.offsetHeight;
    const top = place * this.height;
    const inSight = this.grid.clientHeight - head - this.height;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top > this.grid.scrollTop + inSight) this.grid.scrollTop = top - inSight;
    this.paint();
    if (open) this.open(row.number);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = this.active === null ? -1 : this.placeOf(this.active);
    const page = Math.max(1, Math.floor(this.grid.clientHeight / this.height) - 1);
    const last = this.view.length - 1;
    const moves = {
      ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page,
      Home: 0, End: last,
    };
    if (event.key in moves) {
      event.preventDefault();
      this.choose(Math.min(last, Math.max(0, moves[event.key])), false);
    } else if ((event.key === "Enter" || event.key === " ") && now >= 0) {
      event.preventDefault();
      this.open(this.active);
    }
  }

  draw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  size() {
    this.space.style.height = `${this.view.length * this.height}px`;
  }

  paint() {
    this.size();
    const count = this.view.length;
    const first = Math.max(0, Math.floor(this.grid.scrollTop / this.height) - SPARE);
    const room = Math.ceil(this.grid.clientHeight / this.height) + 2 * SPARE;
    const shown = Math.max(0, Math.min(room, count - first));
    while (this.pool.length < shown) this.pool.push(this.makeRow(this.pool.length));
    this.pool.forEach((row, index) => {
      row.element.hidden = index >= shown;
      if (index < shown) this.fill(row, first + index);
    });
    this.grid.setAttribute("aria-rowcount", count + 1);
    const active = this.pool.find((row) => !row.element.hidden && row.number === this.active);
    if (active) this.grid.setAttribute("aria-activedescendant", active.element.id);
    else this.grid.removeAttribute("aria-activedescendant");
    if (this.grid.scrollTop <= this.height) this.unseen = 0;
    const newer = byId("newer");
    newer.hidden = this.unseen === 0;
    setText(newer, `${this.unseen.toLocaleString()} newer ↑`);
    byId("empty").hidden = this.all.length > 0;
    byId("none").hidden = this.all.length === 0 || count > 0;
    const all = this.all.length;
    setText(byId("shown"), count === all ? `${all.toLocaleString()} requests` : `${count.toLocaleString()} of ${all.toLocaleString()} requests`);
  }

  makeRow(index) {
    const names = ["time", "outcome", "action", "actor", "targets", "organization", "location"];
    const cells = Object.fromEntries(names.map((name) =>
      [name, el("span", { className: `cell-${name}`, role: "gridcell" })]));
    const chip = el("span", { className: "chip" });
    cells.outcome.append(chip);
    cells.time.classList.add("time");
    cells.action.classList.add("action");
    const element = el("div", { className: "row", role: "row", id: `row-${index}` }, ...Object.values(cells));
    this.space.append(element);
    return { element, cells, chip, number: 0 };
  }

  fill(row, place) {
    const data = this.at(place);
    const { element, cells, chip } = row;
    element.style.transform = `translateY(${place * this.height}px)`;
    element.dataset.place = place;
    element.setAttribute("aria-rowindex", place + 2);
    element.setAttribute("aria-selected", data.number === this.active);
    if (row.number === data.number) return;
    row.number = data.number;
    const { label, className } = outcome(data);
    chip.className = `chip ${className}`;
    setText(chip, label);
    setText(cells.time, clock(data.received_at));
    setText(cells.action, data.action ?? `${data.method} ${data.path}`);
    const targets = data.targets.map(party).filter(Boolean);
    parties(cells.actor, [party(data.actor)].filter(Boolean));
    if (data.reason) cells.targets.replaceChildren(el("span", { className: "why", textContent: data.reason }));
    else parties(cells.targets, targets);
    cells.targets.title = data.reason ?? targets.map((target) => target.join(" ")).join("\n");
    setText(cells.organization, data.organization ?? "");
    setText(cells.location, data.location ?? "");
  }
}

/** Types are quiet, names are not. */
function parties(cell, list) {
  cell.replaceChildren(...list.flatMap(([kind, name], index) => [
    index > 0 ? ", " : "", el("span", { className: "kind", textContent: kind }), ` ${name}`,
  ]));
}
