// The History tab: the picture, what the chosen mark tells, and the table. Arrows go through the table's rows, Enter
// opens one, Escape closes it. Rows are added and taken away, and not drawn anew, so that a stream costs what is new.

const ENDS = {
  SIGSEGV: "it touched memory that is not its own",
  SIGBUS: "it touched memory that is not there",
  SIGFPE: "the processor refused a calculation",
  SIGILL: "the processor did not know an instruction",
  SIGABRT: "it gave itself up",
  SIGKILL: "it was killed: by Kill, by somebody else, or by the system for its memory; that leaves no stack",
  SIGTERM: "it was asked to end, and not by us",
};

class HistoryTab {
  // `ask` tells more of a mark, by its number; `replay` runs a row again; `code` opens the Code tab at a line.
  constructor({ ask, replay, code }) {
    Object.assign(this, { ask, replay, code });
    this.chosen = this.current = -1;
    this.timeline = new Timeline((number) => this.choose(number, true));
    this.views = [["Whole run", false], ["Newest", true]].map(([word, newest]) => h("button", { type: "button", onclick: () => this.view(newest) }, word));
    this.many = h("span", { class: "dim" });
    this.tools = h("div", { class: "tools", role: "group", "aria-label": "What the picture shows" }, this.views, this.many);
    this.details = h("div", { class: "details", "aria-live": "polite" });
    this.older = h("p", { class: "empty" });
    this.body = h("tbody", { onkeydown: (event) => this.key(event) });
    const heads = ["when", "what", "worker", "batch", "detail"].map((name) => h("th", { scope: "col", class: name === "worker" || name === "batch" ? "n" : "" }, name));
    this.table = h("div", { class: "x" }, h("table", { "aria-label": "History" }, h("thead", {}, h("tr", {}, heads)), this.body));
    this.element = h("div", { class: "history", onkeydown: (event) => this.escape(event) }, this.tools, this.timeline.element, this.details, this.older, this.table);
  }

  close() {
    this.timeline.close();
  }

  get first() {
    return this.history.count - this.history.marks.length;
  }

  load(history, able) {
    const another = this.history && (history.count < this.history.count || history.marks[0]?.time !== this.history.marks[history.count - history.marks.length - this.first]?.time);
    this.history = history;
    if (another || !this.body.childElementCount) {
      this.body.replaceChildren();
      this.details.replaceChildren();
      this.chosen = this.current = -1;
    }
    this.draw();
    this.list(able);
  }

  view(newest) {
    this.wanted = newest;
    this.draw();
  }

  draw() {
    const { strip, ticks, seconds, running, batches } = this.history;
    const newest = Boolean(strip) && (this.wanted ?? running);
    this.tools.hidden = !strip;
    if (strip) {
      const [all, some] = this.views;
      some.textContent = `Newest ${duration(Math.max(0.001, seconds - ticks[0][1]))}`;
      all.setAttribute("aria-pressed", String(!newest));
      some.setAttribute("aria-pressed", String(newest));
      this.many.textContent = newest ? `the newest ${ticks.length} of ${whole(batches)} batches` : `${whole(batches)} batches: the higher the green, the more`;
    }
    this.timeline.load(this.history, this.chosen, newest);
  }

  list(able) {
    const { marks, count, running } = this.history;
    if (this.listed === marks && this.able === able) return;
    Object.assign(this, { listed: marks, able });
    const follows = this.table.scrollTop + this.table.clientHeight >= this.table.scrollHeight - 4;
    const inside = this.body.contains(document.activeElement);
    while (this.body.firstChild && Number(this.body.firstChild.dataset.number) < this.first) this.body.firstChild.remove();
    const next = this.body.lastChild ? Number(this.body.lastChild.dataset.number) + 1 : this.first;
    this.body.append(...marks.slice(next - this.first).map((mark, index) => this.row(mark, next + index)));
    for (const button of this.body.querySelectorAll(".again")) button.disabled = !able;
    this.older.hidden = marks.length === count;
    this.older.textContent = `the newest ${whole(marks.length)} of ${whole(count)} events; %udf history has those that were kept`;
    if (this.current < this.first) this.current = this.first;
    this.reach();
    if (follows && running) this.table.scrollTop = this.table.scrollHeight;
    if (inside && !this.body.contains(document.activeElement)) this.button(this.current)?.focus({ preventScroll: true });
  }

  row(mark, number) {
    const open = h("button", { type: "button", class: `link ${TONES[mark.kind] ?? ""}`, "aria-expanded": "false", tabindex: "-1", onclick: () => this.choose(this.chosen === number ? -1 : number) }, `${mark.sign} ${mark.word}`);
    return h(
      "tr",
      { "data-number": number },
      h("td", { class: "dim" }, after(mark.time)),
      h("td", {}, open),
      h("td", { class: "n" }, mark.worker == null ? "" : String(mark.worker)),
      h("td", { class: "n" }, mark.batch == null ? "" : whole(mark.batch)),
      h("td", { class: "wrap" }, mark.detail, mark.row != null && this.again(mark.row, "-1")),
    );
  }

  again(row, tabindex) {
    return h("button", { type: "button", class: "link again", tabindex, "aria-label": `Replay row ${whole(row)}`, onclick: () => this.replay(row) }, "Replay");
  }

  rowAt(number) {
    return this.body.children[number - this.first];
  }

  button(number) {
    return this.rowAt(number)?.querySelector("button");
  }

  // Tab comes to the row where one was, and to nothing else of the table.
  reach() {
    for (const button of this.body.querySelectorAll('[tabindex="0"]')) button.tabIndex = -1;
    for (const button of this.rowAt(this.current)?.querySelectorAll("button") ?? []) button.tabIndex = 0;
  }

  key(event) {
    const last = this.history.count - 1;
    const to = { ArrowDown: this.current + 1, ArrowUp: this.current - 1, Home: this.first, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.current = Math.max(this.first, Math.min(last, to));
    this.reach();
    this.button(this.current).focus();
  }

  escape(event) {
    if (event.key !== "Escape" || this.chosen < 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(-1, true);
  }

  // `moved`: the focus goes to the row, as the mark in the picture was clicked or the box is closed.
  async choose(number, moved = false) {
    this.rowAt(this.chosen)?.classList.remove("chosen");
    this.button(this.chosen)?.setAttribute("aria-expanded", "false");
    this.chosen = number;
    if (number >= 0) this.current = number;
    this.reach();
    this.draw();
    const row = this.rowAt(number);
    row?.classList.add("chosen");
    this.button(number)?.setAttribute("aria-expanded", "true");
    const mark = this.history.marks[number - this.first];
    const more = h("div", {});
    this.details.replaceChildren(...(mark ? [this.box(mark, more)] : []));
    if (moved) this.button(this.current)?.focus({ preventScroll: true });
    if (!row) return;
    const head = this.table.querySelector("thead").offsetHeight;
    if (row.offsetTop < this.table.scrollTop + head || row.offsetTop + row.offsetHeight > this.table.scrollTop + this.table.clientHeight) this.table.scrollTop = row.offsetTop - head;
    const told = await this.ask(number);
    if (this.chosen === number) more.replaceChildren(...this.more(mark, told));
  }

  box(mark, more) {
    const facts = [["worker", mark.worker], ["pid", mark.pid], ["batch", mark.batch == null ? null : whole(mark.batch)], ["signal", mark.signal], ["exit status", mark.exit], ["at", after(mark.time)]];
    const shown = facts.filter(([, value]) => value != null).map(([name, value]) => h("span", {}, `${name} `, h("b", {}, String(value))));
    const buttons = [mark.row != null && this.again(mark.row, "0"), h("button", { type: "button", class: "link", title: "Close (Escape)", "aria-label": "Close", onclick: () => this.choose(-1, true) }, "✕")];
    const end = ENDS[mark.signal];
    return h("div", { class: "box" }, h("div", { class: "facts" }, h("b", { class: TONES[mark.kind] ?? "" }, `${mark.sign} ${mark.word}`), ...shown, h("span", { class: "right" }, buttons)), (mark.detail || end) && h("p", {}, mark.detail, end && h("span", { class: "dim" }, `${mark.detail ? ": " : ""}${end}`)), more);
  }

  more(mark, { frames = [], line, lines = [], values = [], error }) {
    if (error) return [h("p", { class: "bad" }, error)];
    const parts = [];
    if (frames.length) {
      const code = frames.map((line) => h(line.trimStart().startsWith("> ") ? "mark" : "div", {}, line));
      const link = h("button", { type: "button", class: "link", onclick: () => this.code(line) }, line ? `show line ${line}` : "show it");
      parts.push(h("h4", {}, "Where it was in your code: ", link), h("pre", { tabindex: "0" }, code));
    } else if (mark.kind === "crashed" && mark.signal !== "SIGKILL") parts.push(h("p", { class: "dim" }, "It left no stack."));
    if (values.length) parts.push(h("h4", {}, "The row"), h("p", { class: "values" }, values.map(([name, text, kind]) => h("span", {}, `${name}=`, h(kind === "null" || kind === "empty" ? "i" : "b", {}, text)))));
    if (lines.length) parts.push(h("h4", {}, "What it printed last"), h("pre", { tabindex: "0" }, lines.map(([stream, text]) => h("div", { class: stream === "stderr" ? "warn" : "" }, text || " "))));
    return parts;
  }
}
