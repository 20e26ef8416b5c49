// The panel: header, buttons, tabs. What it shows comes as the model's state, rows come as answers to messages.

const TABS = ["Output", "State", "History", "Dead letters", "Metrics", "Logs", "Code", "SQL"];
const BUTTONS = [
  ["run", "▶", "Run", "Run it again over the same data", "only over a frame, a table or a file, when no run is open"],
  ["pause", "❚❚", "Pause", "Pause between two batches", "only while a run goes on behind the cell"],
  ["step", "⇥", "Step", "Run one batch", "only while a run is paused"],
  ["stop", "■", "Stop", "End the idle workers", "no worker is idle"],
  ["restart", "↻", "Restart", "End the idle workers and have a new one ready", "not while a cell is busy with it, and not for a script"],
  ["kill", "✕", "Kill", "Kill the workers on purpose, as a crash would", "no worker is alive"],
  ["replay", "⟲", "Replay", "Run the rows again that failed", "no row failed"],
];

class Panel {
  constructor(model, element) {
    this.model = model;
    this.waiting = new Map();
    this.tab = "Output";
    this.filter = "";
    this.id = `udf-${Math.random().toString(36).slice(2)}`;
    this.say = (text) => (this.live.textContent = text);
    this.grid = new Grid({
      ask: (view, start, stop) => this.ask({ kind: "rows", ...view, start, stop }),
      copy: (view, start, stop, columns) => this.ask({ kind: "copy", ...view, start, stop, columns }),
      say: this.say,
    });
    this.timeline = new Timeline();
    this.build(element);
    const shown = { status: ["title", "status", "able", "metrics", "memory"], output: ["output"], history: ["history"], state: ["state"], metrics: ["metrics", "memory"], logs: ["logs"], letters: ["letters", "able"], code: ["code"], sql: ["sql"] };
    const tabs = { output: "Output", state: "State", history: "History", letters: "Dead letters", metrics: "Metrics", logs: "Logs", code: "Code", sql: "SQL" };
    this.undo = [];
    const on = (name, call) => {
      model.on(name, call);
      this.undo.push(() => model.off(name, call));
    };
    const stale = new Set();
    let frame = 0;
    const drawStale = () => {
      frame = 0;
      if (stale.delete("status")) this.status();
      for (const part of [...stale]) if (tabs[part] === this.tab) stale.delete(part) && this.fill();
      this.counts();
    };
    for (const [part, names] of Object.entries(shown))
      for (const name of names)
        on(`change:${name}`, () => {
          stale.add(part);
          frame ||= requestAnimationFrame(drawStale);
        });
    on("msg:custom", (message) => this.answer(message));
    this.tick = setInterval(() => this.uptime(), 500);
    this.undo.push(() => clearInterval(this.tick), () => cancelAnimationFrame(frame), () => this.grid.close(), () => this.timeline.close());
    this.status();
    this.counts();
    this.open("Output");
  }

  close() {
    for (const undo of this.undo) undo();
  }

  get(name) {
    return this.model.get(name);
  }

  ask(message) {
    const id = Math.random().toString(36).slice(2);
    this.model.send({ ...message, id });
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  answer(message) {
    if (!this.waiting.has(message.id)) return;
    this.waiting.get(message.id)(message);
    this.waiting.delete(message.id);
  }

  build(element) {
    const { name, signature, kind, version } = this.get("title");
    this.state = h("span", { class: "st", role: "status" });
    this.facts = h("span", { class: "facts" });
    this.buttons = h("div", { class: "buttons", role: "toolbar", "aria-label": `Run ${name}` });
    for (const [action, sign, word] of BUTTONS)
      this.buttons.append(h("button", { type: "button", "data-action": action, onclick: () => this.act(action) }, h("span", { "aria-hidden": "true" }, sign), ` ${word}`));
    this.rates = h("div", { class: "rates" });
    this.notices = h("div", { class: "notices" });
    this.list = h("div", { class: "tabs", role: "tablist", "aria-label": name, onkeydown: (event) => this.key(event) });
    for (const tab of TABS)
      this.list.append(h("button", { type: "button", role: "tab", id: `${this.id}-${tab}`, "aria-controls": `${this.id}-panel`, "data-tab": tab, onclick: () => this.open(tab) }, tab, h("span", { class: "count" })));
    this.content = h("div", { class: "content", role: "tabpanel", id: `${this.id}-panel` });
    this.foot = h("div", { class: "foot" });
    this.live = h("span", { class: "live", "aria-live": "polite" });
    this.bar = h("div", { class: "progress", role: "progressbar", "aria-label": "rows that went in" }, h("div"));
    const head = h("div", { class: "h" }, h("b", {}, name), h("code", {}, signature), h("span", { class: "k" }, kind.toUpperCase()), h("span", { class: "k" }, `v${version}`), h("span", { class: "right" }, this.state, this.facts));
    this.root = h("div", { class: "udf-panel", role: "region", "aria-label": `Function ${name} version ${version}` }, head, h("div", { class: "bar" }, this.buttons, this.rates), this.bar, this.notices, this.list, this.content, h("div", { class: "end" }, this.foot, this.live));
    element.append(this.root);
  }

  async act(action, row = null) {
    this.say(`${action} …`);
    const { text } = await this.ask({ kind: "act", action, row });
    this.say(text);
  }

  status() {
    const status = this.get("status");
    const { p50, p95, rate, rates } = this.get("metrics");
    const memory = this.get("memory").at(-1);
    this.since = performance.now();
    this.state.className = `st ${status.tone}`;
    this.state.textContent = `${status.sign} ${status.word}`;
    this.uptime();
    const able = this.get("able");
    for (const [action, , word, what, unless] of BUTTONS) {
      const button = this.buttons.querySelector(`[data-action=${action}]`);
      button.disabled = !able.includes(action);
      const title = button.disabled ? `${word}: ${unless}` : what;
      button.title = title;
      button.setAttribute("aria-label", button.disabled ? title : `${word}: ${what}`);
    }
    const fact = (value, unit) => h("span", {}, h("b", {}, value), unit && ` ${unit}`);
    const both = h("span", {}, "p50 ", h("b", {}, milliseconds(p50)), " · p95 ", h("b", {}, milliseconds(p95)));
    this.rates.replaceChildren(
      ...[rates.length > 1 && spark(rates, { label: "rows a second, by batch" }), rate != null && fact(short(rate), "rows/s"), p50 != null && both, memory && h("span", {}, "RSS ", h("b", {}, `${short(memory / 1e6)} MB`))].filter(Boolean),
    );
    const part = status.total ? Math.min(1, status.rows / status.total) : null;
    this.bar.hidden = !status.running;
    this.bar.classList.toggle("unknown", part == null);
    this.bar.firstChild.style.width = `${(part ?? 0.3) * 100}%`;
    if (part == null) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", Math.round(part * 100));
    const tone = (line) => (line.startsWith("✕") ? "bad" : "warn");
    const notice = (line) => {
      const colon = line.indexOf(":");
      return h("div", {}, h("b", { class: tone(line) }, line.slice(0, colon + 1)), line.slice(colon + 1));
    };
    this.notices.replaceChildren(...status.notices.map(notice), ...(status.error.length ? [this.error(status.error)] : []));
    this.foot.replaceChildren(...status.counts.map((text) => h("span", { class: /^(skipped|dead letters|restarts) [^0]/.test(text) ? "warn" : "" }, text)));
    if (this.tab === "Output" && !this.get("output").columns) this.fill();
  }

  error(lines) {
    const [kind, ...rest] = lines[0].split(": ");
    const body = lines.slice(1).map((line) => h(line.trimStart().startsWith("> ") ? "mark" : "div", {}, line));
    return h("div", { class: "err", role: "alert" }, h("p", {}, h("b", {}, kind), `: ${rest.join(": ")}`), h("pre", { tabindex: "0" }, body));
  }

  uptime() {
    const { pids, idle, up, running, restarts, allowed } = this.get("status");
    const seconds = up + (running ? (performance.now() - this.since) / 1000 : 0);
    const parts = [];
    if (pids.length) parts.push(h("span", {}, `${idle ? "idle " : ""}pid ${pids.slice(0, 3).join(", ")}${pids.length > 3 ? " …" : ""}`));
    parts.push(h("span", {}, running ? `up ${clock(seconds)}` : `took ${seconds < 60 ? `${Number(seconds.toPrecision(3))} s` : clock(seconds)}`));
    parts.push(h("span", {}, "restarts ", h("b", { class: restarts ? "warn" : "" }, String(restarts)), `/${allowed}`));
    this.facts.replaceChildren(...parts);
  }

  counts() {
    const counts = { History: this.get("history").count, "Dead letters": this.get("letters").total, Logs: this.get("logs").seen };
    for (const button of this.list.children) {
      const count = counts[button.dataset.tab];
      const place = button.querySelector(".count");
      place.textContent = count ? whole(count) : "";
      place.classList.toggle("bad", button.dataset.tab === "Dead letters");
    }
  }

  key(event) {
    const at = TABS.indexOf(this.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + TABS.length, Home: 0, End: TABS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.open(TABS[to % TABS.length]);
    this.list.querySelector("[aria-selected=true]").focus();
  }

  open(tab) {
    this.tab = tab;
    for (const button of this.list.children) {
      const here = button.dataset.tab === tab;
      button.setAttribute("aria-selected", String(here));
      button.tabIndex = here ? 0 : -1;
    }
    this.content.setAttribute("aria-labelledby", `${this.id}-${tab}`);
    this.fill();
  }

  fill() {
    const able = this.get("able").includes("replay");
    const replay = (row) => this.act("replay", row);
    const show = {
      Output: () => this.output(),
      State: () => stateTab(this.get("state")),
      History: () => {
        queueMicrotask(() => this.timeline.load(this.get("history")));
        return this.timeline.element;
      },
      "Dead letters": () => lettersTab(this.get("letters"), able, replay),
      Metrics: () => metricsTab(this.get("metrics"), this.get("memory")),
      Logs: () => logsTab(this.get("logs"), this.filter, (text) => (this.filter = text)),
      Code: () => codeTab(this.get("code")),
      SQL: () => sqlTab(this.get("sql"), this.say),
    };
    const made = show[this.tab]();
    if (this.content.firstChild !== made || this.content.childElementCount !== 1) this.content.replaceChildren(made);
  }

  output() {
    const output = this.get("output");
    if (output.columns) {
      if (this.loaded !== output) {
        this.loaded = output;
        queueMicrotask(() => this.grid.load(output));
      }
      return this.grid.element;
    }
    const { running, rows, total, word } = this.get("status");
    if (!running) return empty(output.why || `There is no output: the run ${word}.`);
    return empty(total ? `${whole(rows)} of ${whole(total)} rows went in. The output is shown when all have.` : `${whole(rows)} rows went in. The output is shown when all have.`);
  }
}

function render({ model, el }) {
  // Keys belong to the panel while it has the focus, and not to the notebook's command mode.
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const panel = new Panel(model, el);
  return () => panel.close();
}

export default { render };
