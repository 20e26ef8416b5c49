// The Logs tab: what the workers printed, by batch, with what is looked for. Lines are added and rows stay what they are,
// so that an update takes away neither the focus, nor what was opened, nor the place that is read.

// The user's own line in a dump: our code is not in a package.
const OURS = /File "(?:[^"]*\/)?package\/([^"]+)", line (\d+) in (.*)/;

class LogsTab {
  constructor({ ask, say }) {
    this.ask = ask;
    this.say = say;
    this.text = h("input", { type: "search", placeholder: "Filter lines", "aria-label": "Filter lines by text", oninput: () => this.arrange() });
    this.batch = h("input", { class: "of-batch", inputmode: "numeric", placeholder: "Batch", "aria-label": "Only this batch", oninput: () => this.arrange() });
    this.worker = h("select", { "aria-label": "Only this worker", hidden: true, onchange: () => this.arrange() });
    this.streams = ["stdout", "stderr"].map((name) => h("button", { type: "button", "aria-pressed": "true", title: `Show or hide what was printed to ${name}`, onclick: (event) => this.toggle(event.currentTarget) }, name));
    this.found = h("span", { class: "found" });
    this.newest = h("button", { type: "button", hidden: true, onclick: () => this.toEnd() }, "↓ Newest");
    this.copy = h("button", { type: "button", title: "Copy the lines that are shown", onclick: () => this.copied() }, "Copy");
    this.body = h("tbody");
    const head = ["batch", "worker", "when", "stream", "text"].map((name) => h("th", { scope: "col", class: { worker: "by n", batch: "n", when: "when" }[name] ?? "" }, name));
    this.table = h("table", { "aria-label": "Logs" }, h("thead", {}, h("tr", {}, head)), this.body);
    this.box = h("div", { class: "x", tabindex: "0", role: "group", "aria-label": "Logs", onscroll: () => this.scrolled() }, this.table);
    this.none = h("p", { class: "empty" });
    this.gone = h("p", { class: "note" });
    this.tools = h("div", { class: "tools" }, this.text, this.batch, this.worker, this.streams, this.found, this.newest, this.copy);
    this.element = h("div", { class: "logs" }, this.tools, this.gone, this.box, this.none);
    new ResizeObserver(() => this.ends && this.place()).observe(this.box);
    this.clear();
  }

  clear() {
    this.entries = [];
    this.dumps = new Map();
    this.next = null;
    this.ends = true;
    this.top = 0;
    this.workers = new Set();
    this.worker.replaceChildren(h("option", { value: "" }, "all workers"));
    this.body.replaceChildren();
  }

  load(logs) {
    if (logs.run !== this.run) {
      this.clear();
      this.run = logs.run;
    }
    const [first] = logs.lines[0] ?? [logs.seen];
    if (first > (this.next ?? logs.kept)) this.earlier(first);
    const stays = this.here();
    const from = this.next ?? 0;
    this.seen = logs.seen;
    this.kept = logs.kept;
    for (const line of logs.lines) if (line[0] >= from) this.add(line);
    this.next = logs.seen;
    while (this.entries.length && this.entries[0].lines.at(-1)[0] < logs.kept) this.entries.shift().row.remove();
    this.forget();
    this.arrange();
    this.place(stays);
  }

  // Lines that did not come with an update, as they were too many or came before the tab was opened.
  async earlier(before) {
    const { run, lines } = await this.ask(before);
    if (run !== this.run) return;
    const stays = this.here();
    const known = new Set(this.entries.flatMap((entry) => entry.lines.map(([number]) => number)));
    const all = [...lines.filter(([number]) => !known.has(number)), ...this.entries.flatMap((entry) => entry.lines)].sort((a, b) => a[0] - b[0]);
    const opened = new Set(this.entries.filter((entry) => entry.open).map((entry) => entry.lines[0][0]));
    this.entries = [];
    this.dumps.clear();
    this.body.replaceChildren();
    for (const line of all) this.add(line);
    for (const entry of this.entries) if (opened.has(entry.lines[0][0])) this.unfold(entry);
    this.arrange();
    this.place(stays);
  }

  add(line) {
    const [, time, worker, batch, stream, text, dumped] = line;
    if (!this.workers.has(worker)) {
      this.workers.add(worker);
      this.worker.append(h("option", { value: String(worker) }, `worker ${worker}`));
    }
    const source = `${worker} ${stream}`;
    const dump = this.dumps.get(source);
    if (dump && dumped && !text.startsWith("Fatal")) {
      dump.lines.push(line);
      this.retell(dump);
      return;
    }
    this.dumps.delete(source);
    const label = h("td", { class: "n dim of" });
    const words = h("td", { class: "wrap" }, text);
    const row = h("tr", { class: stream }, label, h("td", { class: "n dim by" }, String(worker)), h("td", { class: "dim when" }, after(time)), h("td", { class: stream === "stderr" ? "warn" : "dim" }, stream), words);
    const entry = { worker, batch, stream, label, words, row, lines: [line], open: false };
    if (dumped) {
      this.dumps.set(source, entry);
      this.retell(entry);
    }
    this.entries.push(entry);
    this.body.append(row);
  }

  // The dump of a dying process is one row: how it died and the user's own line; all of it when it is opened.
  retell(entry) {
    const texts = entry.lines.map((line) => line[5]);
    const lines = `${whole(texts.length)} ${texts.length === 1 ? "line" : "lines"}`;
    const title = texts[0].startsWith("Fatal") ? texts[0] : "Stack of each thread";
    const [, file, at, name] = texts.map((text) => text.match(OURS)).find(Boolean) ?? [];
    if (!entry.button) {
      entry.button = h("button", { type: "button", class: "link", onclick: () => this.unfold(entry) });
      entry.own = h("div", { class: "own" });
      entry.all = h("pre", { tabindex: "0", "aria-label": title, hidden: true });
      entry.words.replaceChildren(entry.own, entry.button, entry.all);
    }
    entry.own.textContent = file ? `${file}, line ${at}, in ${name}` : "";
    entry.button.textContent = `${entry.open ? "▾" : "▸"} ${title} · ${lines}`;
    entry.button.setAttribute("aria-expanded", String(entry.open));
    entry.all.textContent = texts.join("\n");
    entry.all.hidden = !entry.open;
  }

  unfold(entry) {
    entry.open = !entry.open;
    this.retell(entry);
  }

  // Which rows are shown, and on which the batch is said: the first of each that follow each other.
  arrange() {
    const { low, batch, worker, hidden } = this.wanted();
    let last;
    let count = 0;
    for (const entry of this.entries) {
      const shown =
        (!batch || String(entry.batch) === batch) &&
        (!worker || String(entry.worker) === worker) &&
        !hidden.includes(entry.stream) &&
        (!low || entry.lines.some((line) => line[5].toLowerCase().includes(low)));
      entry.row.hidden = entry.hidden = !shown;
      if (!shown) continue;
      count += entry.lines.length;
      const begins = entry.batch !== last;
      last = entry.batch;
      entry.row.classList.toggle("begins", begins);
      if (entry.begins !== begins) {
        entry.begins = begins;
        entry.label.replaceChildren(...(begins ? [this.named(entry.batch)] : []));
      }
    }
    const have = this.entries.reduce((sum, entry) => sum + entry.lines.length, 0);
    const filtered = Boolean(low || batch || worker || hidden.length);
    const lines = (number) => `${whole(number)} ${number === 1 ? "line" : "lines"}`;
    this.found.textContent = count === have ? lines(have) : `${whole(count)} of ${lines(have)}`;
    this.table.classList.toggle("one", this.workers.size < 2);
    this.worker.hidden = this.workers.size < 2;
    this.tools.hidden = !this.seen;
    this.box.hidden = !count;
    this.copy.disabled = !count;
    this.none.hidden = Boolean(count);
    this.none.replaceChildren(...(this.seen && filtered ? [`None of the ${lines(have)} is like that. `, h("button", { type: "button", class: "link", onclick: () => this.all() }, "Show all")] : [this.seen ? "" : "The workers printed nothing."]));
    const lost = this.kept ?? 0;
    this.gone.hidden = !lost;
    this.gone.textContent = lost ? `The newest ${whole(this.seen - lost)} of ${whole(this.seen)} lines; the others are gone.` : "";
  }

  wanted() {
    const hidden = this.streams.filter((button) => button.getAttribute("aria-pressed") === "false").map((button) => button.textContent);
    const batch = this.batch.value.trim().replace(/^batch\s*/i, "").replaceAll(",", "");
    return { low: this.text.value.toLowerCase(), batch, worker: this.worker.value, hidden };
  }

  named(batch) {
    if (batch == null) return h("span", { title: "printed while it loaded, finished or had nothing to do" }, "–");
    const only = () => {
      this.batch.value = this.batch.value === String(batch) ? "" : String(batch);
      this.arrange();
    };
    return h("button", { type: "button", class: "link", "aria-label": `Only batch ${batch}`, title: `Only batch ${whole(batch)}; again for all`, onclick: only }, whole(batch));
  }

  toggle(button) {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
    this.arrange();
  }

  all() {
    this.text.value = this.batch.value = this.worker.value = "";
    for (const button of this.streams) button.setAttribute("aria-pressed", "true");
    this.arrange();
    this.place();
    this.text.focus();
  }

  copied() {
    const shown = this.entries.filter((entry) => !entry.hidden).flatMap((entry) => entry.lines);
    const text = shown.map(([, , worker, batch, stream, words]) => [batch == null ? "" : `batch ${batch}`, this.workers.size < 2 ? null : `worker ${worker}`, stream, words].filter((part) => part != null).join("\t"));
    copyText(text.join("\n")).then(() => this.say(`${whole(shown.length)} ${shown.length === 1 ? "line" : "lines"} copied`));
  }

  scrolled() {
    if (!this.box.isConnected || this.box.hidden) return;
    this.top = this.box.scrollTop;
    this.ends = this.box.scrollHeight - this.box.clientHeight - this.top < 8;
    this.newest.hidden = this.ends;
  }

  toEnd() {
    this.ends = true;
    this.place();
    this.box.focus();
  }

  // The first entry in sight, and how far below the top of the box it stands.
  here() {
    const entry = this.ends ? null : this.entries.find(({ row }) => !row.hidden && row.offsetTop + row.offsetHeight > this.top);
    return entry && { number: entry.lines[0][0], below: entry.row.offsetTop - this.top };
  }

  // Workers whose lines are all gone are no longer offered.
  forget() {
    const living = new Set(this.entries.map((entry) => entry.worker));
    for (const worker of this.workers)
      if (!living.has(worker)) {
        this.workers.delete(worker);
        if (this.worker.value !== String(worker)) this.worker.querySelector(`option[value="${worker}"]`)?.remove();
      }
  }

  // It follows the end, unless the reader looks at something before it: that stays where it is.
  place(stays = null) {
    const entry = stays && this.entries.find(({ lines }) => lines[0][0] === stays.number);
    if (entry) this.top = entry.row.offsetTop - stays.below;
    this.box.scrollTop = this.ends ? this.box.scrollHeight : this.top;
    this.newest.hidden = this.ends;
  }
}
