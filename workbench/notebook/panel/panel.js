// The panel: header, buttons, tabs. What it shows comes as the model's state, rows come as answers to messages.

const TABS = ["Output", "State", "History", "Dead letters", "Metrics", "Logs", "Code", "SQL"];
const BUTTONS = [
  ["run", "▶", "Run", "Run it again, or go on if it is paused", "only while it is paused, or to run a frame, a table or a file again"],
  ["pause", "❚❚", "Pause", "Pause between two batches", "only while it runs"],
  ["step", "⇥", "Step", "Run one batch", "only while it is paused"],
  ["stop", "■", "Stop", "End the run; if there is none, the idle workers", "nothing runs and no worker is idle"],
  ["restart", "↻", "Restart", "Begin with a new worker", "not while a cell waits for it, and not for a script"],
  ["kill", "✕", "Kill", "Kill the workers on purpose, as a crash would", "no worker is alive"],
  ["replay", "⟲", "Replay", "Run the rows again that failed", "no row failed"],
];

// Milliseconds that an answer stays.
const SPOKEN = 15_000;

const QUIET = 20; // ticks of the clock, as a page that is busy itself misses nothing; a kernel tells of a run every two seconds
const UNSEEN = 1000; // milliseconds between two drawings of a panel that is not in sight
const GONE = "the kernel is gone";
const MUTE = "no answer from the kernel";

const SUPPRESS = "data-lm-suppress-shortcuts";

// The slider's places: ten for each power of ten, from 1 row a second; the last is without a limit.
const FASTEST = 61;
const paceAt = (place) => (Number(place) >= FASTEST ? null : Number((10 ** (Number(place) / 10)).toPrecision(2)));
const placeOf = (rate) => (rate == null ? FASTEST : Math.max(0, Math.min(FASTEST - 1, Math.round(10 * Math.log10(rate)))));
const paceText = (rate) => (rate == null ? "no limit" : `${rate < 10 ? Number(rate.toPrecision(2)) : whole(rate)} rows/s`);

class Panel {
  constructor(model, element) {
    this.model = model;
    this.waiting = new Map();
    this.lost = ""; // why the kernel is not there
    this.quiet = 0; // ticks of the clock since something was heard
    this.seen = true;
    this.tab = "Output";
    this.id = `udf-${Math.random().toString(36).slice(2)}`;
    this.say = (text) => this.told(text);
    this.grid = new Grid({
      ask: (view, start, stop) => this.ask({ kind: "rows", ...view, start, stop }),
      copy: (view, start, stop, columns) => this.ask({ kind: "copy", ...view, start, stop, columns }),
      say: this.say,
    });
    this.history = new HistoryTab({
      ask: (number) => this.ask({ kind: "mark", number }),
      replay: (row) => this.act("replay", row),
      code: (line) => {
        this.goto("Code");
        if (line) queueMicrotask(() => this.code.jump(line)); // after the tab has gone to its first mark
      },
    });
    this.metrics = new MetricsTab();
    this.states = new States({ ask: (message) => this.ask(message) });
    this.letters = new Letters({ name: this.get("title").name, ask: (message) => this.ask(message), say: this.say });
    this.code = new Code(() => this.get("code"), { open: (tab) => this.goto(tab), say: this.say });
    this.logs = new LogsTab({ ask: (before) => this.ask({ kind: "lines", before }), say: this.say });
    this.build(element);
    const shown = { status: ["title", "status", "able", "pace", "metrics"], output: ["output"], history: ["history", "marks", "able"], state: ["state"], metrics: ["metrics", "marks"], logs: ["logs"], letters: ["letters", "able", "status"], code: ["code", "places"], sql: ["sql"] };
    const tabs = { output: "Output", state: "State", history: "History", letters: "Dead letters", metrics: "Metrics", logs: "Logs", code: "Code", sql: "SQL" };
    this.undo = [];
    const on = (name, call) => {
      model.on(name, call);
      this.undo.push(() => model.off(name, call));
    };
    const stale = new Set();
    let [frame, later] = [0, 0];
    const drawStale = () => {
      clearTimeout(later);
      cancelAnimationFrame(frame);
      [frame, later] = [0, 0];
      if (stale.delete("status")) this.status();
      for (const part of [...stale]) if (tabs[part] === this.tab) stale.delete(part) && this.fill();
      this.counts();
    };
    for (const [part, names] of Object.entries(shown))
      for (const name of names)
        on(`change:${name}`, () => {
          this.hear();
          stale.add(part);
          drawSoon();
        });
    // Fifty panels are in one notebook, and two of them in sight.
    const drawSoon = () => {
      if (this.seen) frame ||= requestAnimationFrame(drawStale);
      else later ||= setTimeout(drawStale, UNSEEN);
    };
    const sight = new IntersectionObserver((changes) => {
      this.seen = changes.at(-1).isIntersecting;
      if (this.seen && stale.size) drawSoon();
    });
    sight.observe(this.root);
    on("msg:custom", (message) => this.answer(message));
    on("comm_live_update", () => this.lose(GONE)); // the front end restarted the kernel, or saw it restart
    this.tick = setInterval(() => this.beat(), 500);
    this.undo.push(() => clearInterval(this.tick), () => clearTimeout(this.moved), () => clearTimeout(this.silence), () => sight.disconnect(), () => clearTimeout(later), () => cancelAnimationFrame(frame), () => this.grid.close(), () => this.history.close(), () => this.metrics.close(), () => this.states.close());
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
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      try {
        this.model.send({ ...message, id });
      } catch {
        this.lose(GONE); // the front end has nobody to send it to
      }
    });
  }

  hear() {
    this.quiet = 0;
    if (!this.lost) return;
    this.lost = "";
    this.status();
  }

  // Without a kernel nothing goes on, and nothing is claimed to.
  lose(why) {
    this.lost = why;
    for (const resolve of this.waiting.values()) resolve({ error: why });
    this.waiting.clear();
    this.status();
  }

  beat() {
    if (!this.now.running) return;
    if (++this.quiet === QUIET / 2) this.ask({ kind: "all" }); // an update may have been lost
    if (this.quiet > QUIET) this.lose(MUTE);
    else if (this.seen) this.uptime();
  }

  // The status as far as it is known.
  get now() {
    const status = this.get("status");
    if (!this.lost) return status;
    const notice = `○ ${this.lost}: what stands here is the last that it said${this.lost === GONE ? "; run the cell again" : ""}`;
    return { ...status, running: false, cut: status.running, sign: "○", word: this.lost, tone: "warn", pids: [], notices: [notice, ...status.notices] };
  }

  answer(message) {
    this.hear();
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
    this.slider = h("input", { type: "range", min: "0", max: String(FASTEST), "aria-label": "Rate", oninput: () => this.paced(), onkeydown: (event) => this.slid(event) });
    this.rate = h("output", {});
    this.pace = h("label", { class: "pace" }, "rate", this.slider, this.rate);
    this.rates = h("div", { class: "rates" });
    this.notices = h("div", { class: "notices" });
    this.list = h("div", { class: "tabs", role: "tablist", "aria-label": name, onkeydown: (event) => this.key(event) });
    for (const tab of TABS)
      this.list.append(h("button", { type: "button", role: "tab", id: `${this.id}-${tab}`, "aria-controls": `${this.id}-panel`, "data-tab": tab, onclick: () => this.open(tab) }, tab, h("span", { class: "count" })));
    this.content = h("div", { class: "content", role: "tabpanel", id: `${this.id}-panel` });
    this.foot = h("div", { class: "foot" });
    this.live = h("span", { class: "live", "aria-live": "polite" });
    this.bar = h("div", { class: "progress", role: "progressbar", "aria-label": "rows that went in" }, h("div"));
    const head = h("div", { class: "h" }, h("b", {}, name), h("code", { title: signature }, signature), h("span", { class: "k" }, kind.toUpperCase()), h("span", { class: "k" }, `v${version}`), this.state);
    const vitals = h("div", { class: "vitals" }, this.rates, this.facts);
    this.root = h("div", { class: "udf-panel", role: "region", "aria-label": `Function ${name} version ${version}` }, head, h("div", { class: "bar" }, this.buttons, this.pace, this.live), vitals, this.bar, this.notices, this.list, this.content, this.foot);
    element.append(this.root);
  }

  // What a button did, beside the buttons, for as long as it takes to read.
  told(text) {
    clearTimeout(this.silence);
    this.live.textContent = text;
    this.live.title = text;
    this.silence = setTimeout(() => this.live.replaceChildren(), SPOKEN);
  }

  async act(action, number = null) {
    this.say(`${action} …`);
    const { text, error } = await this.ask({ kind: "act", action, number });
    this.say(error ?? text);
  }

  // JupyterLab takes the arrows from a slider; here they are given back.
  slid(event) {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.slider.value = String(Number(this.slider.value) + by);
    this.paced();
  }

  // While the slider is moved the panel follows the hand, and the kernel is told when it rests.
  paced() {
    const rate = paceAt(this.slider.value);
    clearTimeout(this.moved);
    this.rate.textContent = paceText(rate);
    const moved = setTimeout(async () => {
      await this.act("rate", rate);
      if (this.moved === moved) this.moved = 0;
    }, 150);
    this.moved = moved;
  }

  status() {
    const status = this.now;
    const { p50, p95, rate, rates, memory } = this.get("metrics");
    this.since = performance.now();
    this.state.className = `st ${status.tone}`;
    const word = `${status.sign} ${status.word}`;
    if (this.state.textContent !== word) this.state.textContent = word; // it is read aloud
    this.uptime();
    const able = this.lost ? [] : this.get("able");
    for (const [action, , word, what, unless] of BUTTONS) {
      const button = this.buttons.querySelector(`[data-action=${action}]`);
      button.disabled = !able.includes(action);
      const title = button.disabled ? `${word}: ${this.lost || unless}` : what;
      button.title = title;
      button.setAttribute("aria-label", button.disabled ? title : `${word}: ${what}`);
    }
    const { rate: pace } = this.get("pace");
    this.pace.hidden = pace === undefined;
    this.slider.disabled = this.lost !== "";
    if (pace !== undefined && !this.moved) {
      this.slider.value = String(placeOf(pace));
      this.slider.setAttribute("aria-valuetext", paceText(pace));
      this.rate.textContent = paceText(pace);
    }
    const both = h("span", { title: "from sending a batch to its answer" }, "p50 ", h("b", {}, milliseconds(p50)), " · p95 ", h("b", {}, milliseconds(p95)));
    this.rates.replaceChildren(
      ...[
        rates.length > 1 && spark(rates.map(([, , value]) => value), { label: "rows a second, over the run" }),
        rate != null && h("span", {}, h("b", {}, short(rate)), " rows/s overall"),
        p50 != null && both,
        memory.length && h("span", { title: "memory of the workers" }, "RSS ", h("b", {}, megabytes(memory.at(-1)[1]))),
      ].filter(Boolean),
    );
    const part = status.total ? Math.min(1, status.rows / status.total) : null;
    this.bar.hidden = !status.running;
    this.bar.classList.toggle("unknown", part == null);
    this.bar.firstChild.style.width = `${(part ?? 0.3) * 100}%`;
    this.bar.classList.toggle("held", status.word === "paused");
    if (part == null) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", Math.round(part * 100));
    const tone = (line) => (line.startsWith("✕") ? "bad" : "warn");
    const notice = (line) => {
      const colon = line.indexOf(":");
      return h("div", { class: tone(line) }, h("b", {}, line.slice(0, colon + 1)), h("span", {}, line.slice(colon + 1)));
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
    const { pids, idle, up, running, cut, restarts, allowed } = this.now;
    const seconds = up + (running ? (performance.now() - this.since) / 1000 : 0);
    const fact = (before, value, after = "", tone = "") => h("span", {}, before, h("b", { class: tone }, value), after);
    const workers = pids.length && fact(`${idle ? "idle " : ""}pid `, `${pids.slice(0, 3).join(", ")}${pids.length > 3 ? " …" : ""}`);
    const time = running || cut ? fact(cut ? "was up " : "up ", clock(seconds)) : fact("took ", seconds < 60 ? milliseconds(seconds * 1000) : clock(seconds));
    this.facts.replaceChildren(...[workers, time, fact("restarts ", String(restarts), `/${allowed}`, restarts ? "warn" : "")].filter(Boolean));
  }

  counts() {
    const counts = { History: this.get("marks").count, "Dead letters": this.get("letters").total, Logs: this.get("logs").seen };
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
    this.goto(TABS[to % TABS.length]);
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

  // Open a tab from another one: the focus goes along.
  goto(tab) {
    this.open(tab);
    this.list.querySelector("[aria-selected=true]").focus();
  }

  fill() {
    const able = this.get("able").includes("replay");
    const show = {
      Output: () => this.output(),
      State: () => this.states.load(this.get("state")),
      History: () => {
        queueMicrotask(() => this.history.load({ ...this.get("history"), ...this.get("marks") }, able));
        return this.history.element;
      },
      "Dead letters": () => this.letters.load(this.get("letters"), able, this.get("status").word),
      Metrics: () => {
        queueMicrotask(() => this.metrics.load(this.get("metrics"), this.get("marks")));
        return this.metrics.element;
      },
      Logs: () => {
        queueMicrotask(() => this.logs.load(this.get("logs")));
        return this.logs.element;
      },
      Code: () => this.code.show(this.get("places")),
      SQL: () => sqlTab(this.get("sql"), this.say),
    };
    const made = show[this.tab]();
    if (this.content.firstChild !== made || this.content.childElementCount !== 1) this.content.replaceChildren(made);
  }

  output() {
    const output = this.get("output");
    if (output.columns) {
      const before = this.loaded;
      if (before !== output) {
        this.loaded = output;
        const same = before?.newest && output.newest && JSON.stringify(before.columns) === JSON.stringify(output.columns);
        queueMicrotask(() => (same ? this.grid.renew(output) : this.grid.load(output)));
      }
      return this.grid.element;
    }
    const { running, rows, total, word } = this.now;
    if (!running) return empty(this.lost ? `There is no output: ${word}.` : `There is no output: the run ${word}.`);
    const kind = this.get("title").kind;
    return empty(`${whole(rows)} ${total ? `of ${whole(total)} ` : ""}rows went in. ${kind === "udaf" ? "An aggregate has its output at the end; see State." : "No output yet."}`);
  }
}

function render({ model, el }) {
  // Keys belong to the panel while it has the focus, and not to the notebook's command mode; those with Ctrl that mean
  // nothing here (save, find) are the front end's. It looks for the attribute after this listener had its turn.
  const ours = ["c", "a", "home", "end", "arrowup", "arrowdown", "arrowleft", "arrowright"];
  const claim = (event) => {
    if (!el.contains(event.target)) return;
    const free = (event.ctrlKey || event.metaKey) && !ours.includes(event.key.toLowerCase());
    if (free) el.removeAttribute(SUPPRESS);
    else el.setAttribute(SUPPRESS, "true");
  };
  el.setAttribute(SUPPRESS, "true");
  window.addEventListener("keydown", claim, true);
  const panel = new Panel(model, el);
  return () => {
    window.removeEventListener("keydown", claim, true);
    panel.close();
  };
}

export default { render };
