// The history of a run: one lane for each life of a worker, batches as ticks, and a mark of its own for all else.

const LANE = 30;
const LEFT = 96;
const RIGHT = 66;
const TONES = { crashed: "bad", gave_up: "bad", failed: "bad", restarted: "warn", recycled: "warn", state_restored: "warn", silent: "warn", skipped: "warn", dead_letter: "warn", state_lost: "warn", fallback: "warn", started: "good", finished: "good" };

class Timeline {
  constructor() {
    this.picture = h("div", { class: "timeline" });
    this.table = h("div", { class: "x" });
    this.details = h("div", { class: "details", "aria-live": "polite" });
    this.element = h("div", {}, this.picture, this.details, this.table);
    this.chosen = -1;
    this.watch = new ResizeObserver(() => this.history && this.draw());
    this.watch.observe(this.picture);
  }

  close() {
    this.watch.disconnect();
  }

  load(history) {
    this.history = history;
    this.chosen = Math.min(this.chosen, history.marks.length - 1);
    this.draw();
    this.list();
  }

  draw() {
    const { lives, marks, ticks, seconds, running } = this.history;
    const width = this.picture.clientWidth;
    if (!width) return;
    const span = Math.max(seconds, 1e-6);
    const at = (time) => LEFT + (Math.min(time, span) / span) * (width - LEFT - RIGHT);
    const height = lives.length * LANE + 40;
    const picture = svg("svg", { width, height, role: "img", "aria-label": `${lives.length} worker ${lives.length === 1 ? "life" : "lives"} in ${seconds.toFixed(3)} s; the table below has each event` });
    const middle = (worker) => (Math.max(1, worker ?? lives.length) - 1) * LANE + 22;
    for (const life of lives) {
      const y = middle(life.worker);
      picture.append(svg("text", { x: 14, y: y + 4, class: "dim" }, `worker ${life.worker}`));
      if (life.worker === 1 && life.from > 0) {
        const line = svg("line", { x1: LEFT, x2: at(life.from), y1: y, y2: y, class: "starting" }, svg("title", {}, `starting: ${this.time(life.from)}`));
        picture.append(line);
        if (at(life.from) - LEFT > 70) picture.append(svg("text", { x: LEFT + 4, y: y - 5, class: "dim" }, `starting ${this.time(life.from)}`));
      }
      const end = at(life.to ?? span);
      picture.append(svg("rect", { x: at(life.from), y: y - 8, width: Math.max(3, end - at(life.from)), height: 16, rx: 3, class: running && life.to == null ? "life alive" : "life" }));
    }
    for (const [worker, time] of ticks) picture.append(svg("line", { x1: at(time), x2: at(time), y1: middle(worker) - 8, y2: middle(worker) + 8, class: "tick" }));
    const drawn = marks.map((mark, index) => ({ mark, index })).filter(({ mark }) => mark.worker != null && mark.kind !== "started");
    drawn.forEach(({ mark, index }, place) => {
      const y = middle(mark.worker);
      const before = mark.kind === "restarted";
      const x = before ? at(mark.time) - 12 : at(mark.time);
      const sign = svg("text", { x, y: y + 5, "text-anchor": "middle", class: `mark ${TONES[mark.kind] ?? ""}${index === this.chosen ? " chosen" : ""}` }, mark.sign);
      sign.append(svg("title", {}, `${after(mark.time)}  ${mark.word}${mark.detail ? `: ${mark.detail}` : ""}`));
      sign.addEventListener("click", () => this.choose(index));
      picture.append(sign);
      if (before) return;
      const text = this.label(mark);
      // A label stands only where no later mark of its lane would be written over.
      const end = x + 18 + text.length * 6.2;
      const next = drawn.slice(place + 1).find(({ mark: other }) => other.worker === mark.worker);
      if (end < width && !(next && at(next.mark.time) < end)) picture.append(svg("text", { x: x + 12, y: y + 4, class: `label ${TONES[mark.kind] ?? ""}` }, text));
    });
    const axis = lives.length * LANE + 14;
    picture.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: axis, y2: axis, class: "axis" }));
    for (const [part, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
      const x = LEFT + part * (width - LEFT - RIGHT);
      picture.append(svg("text", { x, y: axis + 16, "text-anchor": anchor, class: "dim" }, part ? this.time(span * part) : "0 s"));
    }
    this.picture.replaceChildren(picture);
  }

  time(seconds) {
    return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Number(seconds.toPrecision(3))} s`;
  }

  label(mark) {
    if (mark.kind === "crashed") return `${mark.signal ?? `exit status ${mark.exit ?? "unknown"}`}${mark.batch == null ? "" : ` in batch ${mark.batch}`}`;
    if (mark.kind === "gave_up") return "gave up";
    if (mark.kind === "dead_letter") return mark.detail.replace(/:.*/, "");
    return mark.word;
  }

  list() {
    const rows = this.history.marks.map((mark, index) => {
      const open = h("button", { type: "button", class: `link ${TONES[mark.kind] ?? ""}`, "aria-expanded": String(index === this.chosen), onclick: () => this.choose(index) }, `${mark.sign} ${mark.word}`);
      return h(
        "tr",
        { class: index === this.chosen ? "chosen" : "" },
        h("td", { class: "dim" }, after(mark.time)),
        h("td", {}, open),
        h("td", { class: "n" }, mark.worker == null ? "" : String(mark.worker)),
        h("td", { class: "n" }, mark.batch == null ? "" : String(mark.batch)),
        h("td", { class: "wrap" }, mark.detail),
      );
    });
    const head = ["when", "what", "worker", "batch", "detail"].map((name) => h("th", { scope: "col", class: name === "worker" || name === "batch" ? "n" : "" }, name));
    const focused = this.table.contains(document.activeElement);
    this.table.replaceChildren(h("table", { "aria-label": "History" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
    if (focused) this.table.querySelectorAll("button")[Math.max(0, this.chosen)]?.focus();
  }

  choose(index) {
    this.chosen = this.chosen === index ? -1 : index;
    const mark = this.history.marks[this.chosen];
    this.draw();
    this.list();
    if (!mark) return this.details.replaceChildren();
    const facts = [["worker", mark.worker], ["pid", mark.pid], ["batch", mark.batch], ["signal", mark.signal], ["exit status", mark.exit], ["at", after(mark.time)]];
    const shown = facts.filter(([, value]) => value != null).map(([name, value]) => h("span", {}, `${name} `, h("b", {}, String(value))));
    const words = mark.words.length ? [h("h4", {}, "What it printed last"), h("pre", { tabindex: "0" }, mark.words.join("\n"))] : [];
    this.details.replaceChildren(h("div", { class: "box" }, h("div", { class: "facts" }, h("b", { class: TONES[mark.kind] ?? "" }, `${mark.sign} ${mark.word}`), ...shown), mark.detail && h("p", {}, mark.detail), ...words));
  }
}
