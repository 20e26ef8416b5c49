// A table of any length: only the rows in sight are elements, and rows that are not here yet are asked for by range.
//
// `ask(view, start, stop)` gives a promise of {start, count, rows}; a row is [label, mark, cell, …], NULL is null.
// Keys: arrows, Page Up and Down, Home, End (with Ctrl: first and last row), Shift to extend, Ctrl+C to copy, Enter on
// a heading to sort.

const ROW = 26;
const PAGE = 100;
const TALL = 340; // pixels of a table that is longer than this
const TALLEST = 8_000_000; // pixels that every browser can scroll; of longer tables the scroll bar moves in proportion
const FAILED = 1;
const STRIPE = 2;

class Grid {
  constructor({ ask, copy, say }) {
    Object.assign(this, { ask, copy, say });
    this.view = { column: -1, down: false, text: "" };
    this.active = { row: 0, column: 0 };
    this.anchor = null;
    this.top = 0; // the first row in sight, with its fraction
    this.put = 0; // where the scroll bar was put for it
    this.head = h("div", { class: "row head", role: "row", "aria-rowindex": "1" });
    this.body = h("div", { class: "rows", role: "rowgroup" });
    this.space = h("div", { class: "space" });
    this.box = h(
      "div",
      { class: "grid", role: "grid", tabindex: "0", "aria-label": "Output", "aria-multiselectable": "true", onscroll: () => this.scrolled(), onwheel: (event) => this.wheel(event), onkeydown: (event) => this.key(event) },
      h("div", { role: "rowgroup", class: "top" }, this.head),
      this.space,
      this.body,
    );
    this.filter = h("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows: text in any column, or NULL", oninput: () => this.later() });
    this.found = h("span", { class: "found" });
    const button = h("button", { type: "button", title: "Copy the selected cells (Ctrl+C)", onclick: () => this.copied() }, "Copy");
    this.element = h("div", { class: "gridbox" }, h("div", { class: "tools" }, this.filter, this.found, button), this.box);
    this.watch = new ResizeObserver(() => this.columns && this.scroll(this.top)); // also after another tab was in sight
    this.watch.observe(this.box);
  }

  close() {
    this.watch.disconnect();
    clearTimeout(this.timer);
  }

  load(output) {
    this.columns = output.columns;
    this.labelled = output.labelled;
    this.output = output;
    this.view = { column: -1, down: false, text: "" };
    this.filter.value = "";
    this.active = { row: 0, column: 0 };
    this.anchor = null;
    this.reset(output.page);
    this.heading();
    this.scroll(0);
  }

  // The newest rows are others now; the view, the place and the selection stay. One question at a time.
  async renew(output) {
    this.output = output;
    if (this.renewing) return;
    this.renewing = true;
    for (let done; done !== this.output; ) {
      done = this.output;
      const { view } = this;
      const from = Math.max(0, Math.floor(this.top) - 8);
      const plain = view.column < 0 && !view.text;
      const page = plain && !this.box.scrollTop ? done.page : await this.ask(view, from, from + PAGE);
      if (view !== this.view || page.error) continue;
      this.reset(page);
      this.scroll(this.top);
    }
    this.renewing = false;
  }

  get total() {
    return this.output.total;
  }

  reset(page) {
    this.pages = new Map();
    this.asked = new Set();
    this.count = page ? page.count : this.count;
    if (page) this.keep(page);
  }

  keep(page) {
    page.rows.forEach((row, index) => {
      const number = page.start + index;
      const slot = Math.floor(number / PAGE);
      if (!this.pages.has(slot)) this.pages.set(slot, []);
      this.pages.get(slot)[number % PAGE] = row;
    });
    for (const slot of this.pages.keys()) if (this.pages.size > 60 && Math.abs(slot - Math.floor(page.start / PAGE)) > 20) this.pages.delete(slot);
  }

  row(number) {
    return this.pages.get(Math.floor(number / PAGE))?.[number % PAGE];
  }

  heading() {
    const widths = this.columns.map((column, index) => {
      const cells = [...this.pages.values()].flat().slice(0, 60).map((row) => (row[index + 2] ?? "NULL").length);
      const longest = Math.max(column.name.length + 2, column.type.length * 0.8, ...cells);
      return Math.ceil(Math.min(42, Math.max(8, longest)) + 4);
    });
    const digits = this.output.newest ? 15 : Math.max(8, whole(this.total).length + 6); // newer numbers are longer
    const label = this.labelled ? digits : 0;
    this.box.style.setProperty("--columns", `${label ? `${label}ch ` : ""}${widths.map((width) => `minmax(${width}ch, 1fr)`).join(" ")}`);
    this.box.style.setProperty("--least", `${widths.reduce((sum, width) => sum + width, label)}ch`);
    this.box.setAttribute("aria-colcount", this.columns.length + (this.labelled ? 1 : 0));
    const cells = this.columns.map((column, index) => {
      const sorted = this.view.column === index;
      const arrow = sorted ? (this.view.down ? "▼" : "▲") : "";
      const order = sorted ? (this.view.down ? "descending" : "ascending") : "none";
      const classes = `cell${column.number ? " number" : ""}${column.output ? " output" : ""}`;
      const inside = [h("span", { class: "name" }, column.name, arrow && h("span", { class: "arrow", "aria-hidden": "true" }, ` ${arrow}`)), h("small", {}, column.type)];
      const title = column.sortable ? `${column.name}: sort` : column.name;
      return h(
        "div",
        { class: classes, role: "columnheader", "aria-sort": column.sortable ? order : null },
        column.sortable ? h("button", { type: "button", title, onclick: () => this.sort(index) }, inside) : inside,
      );
    });
    this.head.replaceChildren(...(this.labelled ? [h("div", { class: "cell number label", role: "columnheader" }, "row")] : []), ...cells);
  }

  sort(index) {
    const { column, down } = this.view;
    if (column !== index) this.look({ column: index, down: false });
    else if (!down) this.look({ column: index, down: true });
    else this.look({ column: -1, down: false });
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look({ text: this.filter.value }), 200);
  }

  // One question at a time: whoever types does not queue up answers that nobody waits for.
  async look(change) {
    this.view = { ...this.view, ...change };
    if (this.looking) return;
    this.looking = true;
    let view, page;
    while (view !== this.view) {
      view = this.view;
      page = await this.ask(view, 0, PAGE);
    }
    this.looking = false;
    if (page.error) return this.failed(page.error);
    this.reset(page);
    this.anchor = null;
    this.active.row = 0;
    const focused = this.head.contains(document.activeElement);
    this.heading();
    if (focused && view.column >= 0) this.head.querySelectorAll("[role=columnheader]")[view.column + (this.labelled ? 1 : 0)].querySelector("button")?.focus();
    this.scroll(0);
  }

  // Rows that fit, rows above the last screen, and pixels that the bar goes through.
  room() {
    const pixels = this.box.clientHeight - this.head.offsetHeight;
    const rows = pixels / ROW;
    return { rows, most: Math.max(0, this.count - rows), bar: Math.max(1, Math.min(this.count * ROW, TALLEST) - pixels) };
  }

  get tall() {
    return this.count * ROW > TALLEST;
  }

  // Show this row first. A pixel of the bar may be many rows, so that the row is kept and not read from the bar.
  scroll(row) {
    const { most, bar } = this.room();
    this.top = Math.max(0, Math.min(most, row));
    this.size();
    this.box.scrollTop = this.tall ? (this.top / most) * bar : this.top * ROW;
    this.put = this.box.scrollTop;
    this.draw();
  }

  // The bar was moved: by a hand, if it is not where it was put.
  scrolled() {
    if (this.box.scrollTop === this.put) return;
    this.put = this.box.scrollTop;
    const { most, bar } = this.room();
    this.top = this.tall ? Math.min(most, (this.put / bar) * most) : this.put / ROW;
    this.draw();
  }

  // In tall tables a wheel moves by rows and not by parts of the table.
  wheel(event) {
    if (!this.tall || event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    const before = this.top;
    this.scroll(before + event.deltaY * [1 / ROW, 1, 10][event.deltaMode]);
    if (this.top !== before) event.preventDefault();
  }

  size() {
    this.space.style.height = `${Math.min(this.count * ROW, TALLEST)}px`;
  }

  draw() {
    if (!this.columns || !this.box.clientHeight) return;
    this.fit();
    this.box.setAttribute("aria-rowcount", this.count + 1);
    this.size();
    const exact = this.top;
    const begin = Math.max(0, Math.floor(exact) - 4);
    const end = Math.min(this.count, Math.ceil(exact + this.room().rows) + 4);
    const drawn = [];
    for (let number = begin; number < end; number++) drawn.push(this.element_of(number));
    this.body.style.transform = `translateY(${this.box.scrollTop - (exact - begin) * ROW}px)`;
    this.body.replaceChildren(...drawn);
    const { of } = this.output;
    const all = of > this.total ? `the newest ${whole(this.total)} of ${whole(of)} rows` : `${whole(this.total)} ${this.total === 1 ? "row" : "rows"}`;
    this.found.textContent = this.count === this.total ? all : `${whole(this.count)} of ${all}`;
    this.found.classList.remove("bad");
    this.want(begin, end);
  }

  // A short table has no empty space below; a longer one is as tall as its reader has dragged it.
  fit() {
    const bar = this.box.offsetHeight - this.box.clientHeight;
    const height = Math.min(TALL, this.head.offsetHeight + this.total * ROW + bar);
    if (this.height === height) return;
    this.height = height;
    this.box.style.height = `${height}px`;
  }

  want(begin, end) {
    const { view } = this;
    for (let slot = Math.floor(begin / PAGE); slot <= Math.floor(Math.max(begin, end - 1) / PAGE); slot++) {
      const from = slot * PAGE;
      const [first, last] = [Math.max(begin, from), Math.min(end, from + PAGE) - 1];
      if (this.asked.has(slot) || first > last || (this.row(first) && this.row(last))) continue;
      this.asked.add(slot);
      this.ask(view, from, from + PAGE).then((page) => {
        if (page.error) return this.failed(page.error); // and it stays asked: not again by each drawing
        this.asked.delete(slot);
        if (view !== this.view) return;
        this.keep(page);
        this.draw();
      });
    }
  }

  failed(error) {
    this.found.textContent = `✕ ${error}`;
    this.found.classList.add("bad");
  }

  range() {
    const other = this.anchor ?? this.active;
    const order = (a, b) => [Math.min(a, b), Math.max(a, b)];
    return { rows: order(other.row, this.active.row), columns: order(other.column, this.active.column) };
  }

  element_of(number) {
    const row = this.row(number);
    const { rows, columns } = this.range();
    const failed = row?.[1] === FAILED;
    const element = h("div", { class: `row${failed ? " failed" : ""}${row?.[1] === STRIPE ? " stripe" : ""}`, role: "row", "aria-rowindex": number + 2 });
    if (this.labelled) {
      const sign = failed ? h("span", { title: "failed: set aside", "aria-label": "failed" }, " ✕") : null;
      element.append(h("div", { class: "cell number label", role: "rowheader" }, row?.[0] ?? "…", sign));
    }
    this.columns.forEach((column, index) => {
      const value = row?.[index + 2];
      const nothing = value === null ? h("i", {}, "NULL") : value === "" ? h("i", { title: "the empty string" }, "''") : value;
      const inside = number >= rows[0] && number <= rows[1] && index >= columns[0] && index <= columns[1];
      const here = number === this.active.row && index === this.active.column;
      const classes = `cell${column.number ? " number" : ""}${column.output ? " output" : ""}${inside ? " chosen" : ""}${here ? " active" : ""}`;
      const cell = h("div", { class: classes, role: "gridcell", "aria-selected": String(inside), title: typeof value === "string" && value.length > 40 ? value : null }, nothing ?? "");
      cell.addEventListener("mousedown", (event) => this.go(number, index, event.shiftKey));
      cell.addEventListener("mouseenter", (event) => event.buttons === 1 && this.go(number, index, true));
      if (here) {
        cell.id = `${this.name()}-active`;
        this.box.setAttribute("aria-activedescendant", cell.id);
      }
      element.append(cell);
    });
    return element;
  }

  name() {
    return (this.id ??= `udf-grid-${Math.random().toString(36).slice(2)}`);
  }

  go(row, column, extend) {
    this.anchor = extend ? (this.anchor ?? { ...this.active }) : null;
    this.active = { row: Math.max(0, Math.min(this.count - 1, row)), column: Math.max(0, Math.min(this.columns.length - 1, column)) };
    const { rows } = this.room();
    if (this.active.row < this.top) this.scroll(this.active.row);
    else if (this.active.row + 1 > this.top + rows) this.scroll(this.active.row + 1 - rows);
    else this.draw();
  }

  key(event) {
    if (event.target !== this.box || !this.count) return;
    const room = Math.max(1, Math.floor(this.room().rows) - 1);
    const far = event.ctrlKey || event.metaKey;
    const { row, column } = this.active;
    const moves = {
      ArrowDown: [row + 1, column],
      ArrowUp: [row - 1, column],
      ArrowRight: [row, column + 1],
      ArrowLeft: [row, column - 1],
      PageDown: [row + room, column],
      PageUp: [row - room, column],
      Home: far ? [0, 0] : [row, 0],
      End: far ? [this.count - 1, this.columns.length - 1] : [row, this.columns.length - 1],
    };
    if (far && event.key.toLowerCase() === "c") this.copied();
    else if (moves[event.key]) this.go(...moves[event.key], event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async copied() {
    const { rows, columns } = this.range();
    const chosen = Array.from({ length: columns[1] - columns[0] + 1 }, (_, index) => columns[0] + index);
    const { text, copied, error } = await this.copy(this.view, rows[0], rows[1] + 1, chosen);
    if (error) return this.failed(error);
    await copyText(text);
    const wanted = rows[1] - rows[0] + 1;
    const count = copied * chosen.length;
    this.say(copied < wanted ? `the first ${whole(copied)} of ${whole(wanted)} rows copied` : `${whole(count)} ${count === 1 ? "cell" : "cells"} copied`);
  }
}
