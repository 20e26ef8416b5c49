// Rows that have no result: how many of each type of error, their values, the line that failed; running them again.

class Letters {
  constructor({ name, ask, say }) {
    Object.assign(this, { ask, say, type: "", outcomes: new Map(), run: null });
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Types of error" });
    const button = (word, title, onclick) => h("button", { type: "button", title, onclick }, word);
    this.every = button("⟲ Replay all", "Run all of them again, with what comes out beside each", () => this.again(null));
    const csv = button("Copy CSV", "The rows with their errors", () => this.copy("csv"));
    const pandas = button("Copy as pandas", "Their input columns as an expression that makes a DataFrame", () => this.copy("pandas"));
    this.tools = h("div", { class: "tools" }, this.chips, h("span", { class: "right" }, this.every), csv, pandas);
    this.head = h("tr");
    this.table = h("table", { "aria-label": "Dead letters" }, h("thead", {}, this.head));
    this.note = h("p", { class: "empty", "aria-live": "polite" });
    const ways = h("p", { class: "empty" }, "In Python: ", h("code", {}, `${name}.failures`), " · as a table: ", h("code", {}, `%udf failures ${name}`), " · run again with each step told: ", h("code", {}, `%udf replay ${name} --bisect`));
    this.body = h("div", {}, this.tools, h("div", { class: "x", tabindex: "0", role: "group", "aria-label": "Dead letters" }, this.table), this.note, ways);
    this.nothing = empty("");
    this.element = h("div", { class: "letters" }, this.nothing, this.body);
  }

  load(letters, able, word) {
    if (letters.run !== this.run) this.outcomes.clear();
    if (!letters.types.some(([, type]) => type === this.type)) this.type = "";
    Object.assign(this, { base: letters, able, run: letters.run });
    this.nothing.hidden = letters.total > 0;
    this.body.hidden = !letters.total;
    if (letters.total) this.renew();
    else this.nothing.textContent = this.none(word);
    return this.element;
  }

  none(word) {
    if (word === "failed") return "No row was set aside: the run ended over something else, which the error above tells.";
    const how = " With --on-error dead_letter (on_error=\"dead_letter\") a row that fails is set aside here, and the run goes on.";
    return (word === "running" || word === "paused" ? "No row was set aside so far." : "No row was set aside.") + how;
  }

  // As in the state's tab: one question at a time, and the newest.
  async renew() {
    this.stale = true; // what is on its way answers an older question
    if (!this.type) return this.show(this.base);
    if (this.asking) return;
    this.asking = true;
    while (this.stale) {
      this.stale = false;
      const { letters, error } = await this.ask({ kind: "letters", type: this.type });
      if (error) this.say(error);
      else if (!this.stale) this.show(letters);
    }
    this.asking = false;
  }

  choose(type) {
    this.type = this.type === type ? "" : type;
    this.renew();
  }

  show(letters) {
    const { columns, rows, numbers, where, found, total, hidden, ended, types } = letters;
    this.every.disabled = !this.able;
    keep(this.chips, [["all", "", total], ...types], ([, type]) => type, () => this.chip());
    const kinds = columns.map((_, at) => rows.map((row) => row[at][1]).filter((kind) => kind !== "null"));
    const right = kinds.map((all) => all.length > 0 && all.every((kind) => kind === "number"));
    this.head.replaceChildren(...[...columns, "again"].map((name, at) => h("th", { scope: "col", class: right[at] ? "n" : "" }, name)));
    const items = rows.map((row, index) => ({ row, number: numbers[index], where: where[index], right }));
    keep(this.table, items, ({ row, number }) => `${this.run} ${number} ${row.at(-1)[0]} ${right}`, (item) => this.row(item));
    const notes = [
      found > rows.length && `the first ${whole(rows.length)} of ${whole(found)}`,
      total > found && !this.type && `${whole(total - found)} more were counted, and their values not kept`,
      hidden && `${whole(hidden)} columns are not shown: open a row`,
      ended && total === 1 && "this row ended the run; --on-error dead_letter sets such rows aside and goes on",
    ];
    this.note.textContent = notes.filter(Boolean).join("; ");
    this.note.hidden = !this.note.textContent;
  }

  chip() {
    const node = h("button", { type: "button" });
    node.renew = ([word, type, count]) => {
      node.onclick = () => this.choose(type);
      node.setAttribute("aria-pressed", String(this.type === type));
      node.replaceChildren(`${word} `, h("b", {}, whole(count)));
    };
    return node;
  }

  row({ row, number, where, right }) {
    const full = h("tr", { hidden: true }, h("td", { colspan: String(row.length + 1) }));
    const open = async () => {
      full.hidden = !full.hidden;
      opener.setAttribute("aria-expanded", String(!full.hidden));
      opener.firstChild.textContent = full.hidden ? "▸" : "▾";
      if (full.hidden) return;
      const { lines: found, error } = await this.ask({ kind: "letter", number });
      const shown = (error ? [error] : found).map((line) => h(line.trimStart().startsWith("> ") ? "mark" : "div", {}, line || " "));
      full.firstChild.replaceChildren(h("pre", { tabindex: "0", "aria-label": `Row ${number} in full` }, shown));
    };
    const opener = h("button", { type: "button", class: "link opener", "aria-expanded": "false", title: "The line that failed, and all values", onclick: open }, h("span", { "aria-hidden": "true" }, "▸"), ` ${row[0][0]}`);
    const cells = row.slice(1, -1).map(([text, kind], at) => h("td", { class: right[at + 1] ? "n" : "" }, kind === "null" || kind === "empty" ? h("i", {}, text) : text));
    const error = h("td", { class: "bad error" }, `✕ ${row.at(-1)[0]}`, where && h("code", {}, where));
    const button = h("button", { type: "button", class: "link", "aria-label": `Replay row ${number}`, onclick: () => this.again(number) }, "Replay");
    const outcome = h("span", { "aria-live": "polite" });
    const node = h("tbody", {}, h("tr", {}, h("td", { class: "n" }, opener), cells, error, h("td", { class: "outcome" }, button, outcome)), full);
    node.renew = () => {
      const [good, text] = this.outcomes.get(number) ?? [];
      button.disabled = !this.able || good === null;
      const shown = good === undefined ? "" : good === null ? "runs …" : good ? `✓ ${text}` : text === row.at(-1)[0] ? "✕ the same error again" : `✕ ${text}`;
      if (outcome.textContent === shown) return;
      outcome.className = good ? "good" : good === false ? "bad" : "dim";
      outcome.textContent = shown;
    };
    return node;
  }

  async again(number) {
    const { run } = this;
    const numbers = number == null ? this.base.numbers : [number];
    for (const one of numbers) this.outcomes.set(one, [null, ""]);
    this.renew();
    this.say(number == null ? "the failed rows run again …" : `row ${whole(number)} runs again …`);
    const { text, outcomes, error } = await this.ask({ kind: "again", number });
    this.say(error ?? text);
    if (run !== this.run) return;
    for (const one of numbers) this.outcomes.delete(one);
    for (const [one, good, what] of outcomes ?? []) this.outcomes.set(one, [good, what]);
    this.renew();
  }

  async copy(form) {
    const { text, error } = await this.ask({ kind: "copy_letters", form, type: this.type });
    if (error) return this.say(error);
    await copyText(text);
    this.say("copied");
  }
}
