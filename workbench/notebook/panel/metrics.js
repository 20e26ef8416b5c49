// The Metrics tab: four charts over the same time of the run, each with its marks. One time can be looked at: that under
// the pointer, or that of the point where the arrow keys are; all four charts say what they had then.

const PLOT = { height: 128, left: 50, right: 10, top: 20, bottom: 22 };

// The next round number, for the end of an axis.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((one) => one * power).find((one) => one >= value * 0.999);
}

const megabytes = (bytes) => `${short(bytes / 1e6)} MB`;
const point = ([time, value]) => ({ from: time, to: time, value });

// What each chart shows of the metrics: points with a time, lines across, a headline and words below.
const GAUGES = [
  {
    title: "rows a second",
    unit: (value) => short(value),
    of: ({ rates, rate }) => ({
      points: rates.map(([from, to, value]) => ({ from, to, value })),
      big: rate == null ? "–" : `${short(rate)} rows/s overall`,
      words: "overall counts the start too; the curve begins when a worker was ready",
    }),
    say: ({ from, to, value }) => `${short(value)} rows/s from ${after(from)} to ${after(to)}`,
  },
  {
    title: "batch latency",
    unit: milliseconds,
    of: ({ latencies, each, p50, p95 }) => ({
      points: latencies.map(([time, batch, value]) => ({ from: time, to: time, value, batch })),
      lines: latencies.length ? [[p50, "p50"], [p95, "p95"]] : [],
      big: `p50 ${milliseconds(p50)} · p95 ${milliseconds(p95)}`,
      words: each > 1 ? `from sending to the answer; the slowest of each ${whole(each)} batches` : "from sending a batch to its answer",
    }),
    say: ({ from, value, batch }) => `batch ${whole(batch)}: ${milliseconds(value)}, at ${after(from)}`,
  },
  {
    title: "memory of the workers (RSS)",
    unit: megabytes,
    of: ({ memory, limit }) => ({
      points: memory.map(point),
      lines: limit ? [[limit, "limit"]] : [],
      big: memory.length ? megabytes(memory.at(-1)[1]) : "–",
      words: memory.length === 0 ? "it was over before anyone looked" : memory.length === 1 ? "one look: it was over soon" : `highest ${megabytes(Math.max(...memory.map(([, size]) => size)))}${limit ? `, limit ${megabytes(limit)}` : ""}`,
    }),
    say: ({ from, value }) => `${megabytes(value)} at ${after(from)}`,
  },
  {
    title: "queue: batches read or sent, not answered yet",
    unit: (value) => (value % 1 ? "" : whole(value)),
    of: ({ queue }) => ({
      points: queue.map(point),
      big: queue.length ? `${whole(queue.at(-1)[1])} ${queue.at(-1)[1] === 1 ? "batch" : "batches"}` : "–",
      words: queue.length ? `at most ${whole(Math.max(...queue.map(([, count]) => count)))} at a time` : "it was over before anyone looked",
    }),
    say: ({ from, value }) => `${whole(value)} ${value === 1 ? "batch" : "batches"} at ${after(from)}`,
  },
];

class Gauge {
  constructor(kind, look) {
    Object.assign(this, { kind, look });
    this.big = h("b", {});
    this.plot = h("div", {
      class: "plot",
      role: "slider",
      tabindex: "0",
      "aria-label": kind.title,
      onpointermove: (event) => this.under(event),
      onpointerleave: () => this.plot === document.activeElement || look(null),
      onfocus: () => this.points.length && look(this.middle(this.points.at(-1))),
      onblur: () => look(null),
      onkeydown: (event) => this.key(event),
    });
    this.said = h("small", { class: "said" });
    this.element = h("div", { class: "card gauge" }, h("small", {}, kind.title), this.big, this.plot, this.said);
  }

  middle({ from, to }) {
    return (from + to) / 2;
  }

  load(metrics, marks, time) {
    const { points, lines = [], words, big } = this.kind.of(metrics);
    Object.assign(this, { points, lines, words, marks, since: metrics.since, until: Math.max(metrics.until, metrics.since + 1e-6) });
    this.big.textContent = this.big.title = big;
    this.draw(time);
  }

  nearest(time) {
    let best = -1;
    this.points.forEach((one, index) => {
      const far = (point) => Math.max(point.from - time, time - point.to, 0);
      if (best < 0 || far(one) < far(this.points[best])) best = index;
    });
    return best;
  }

  under(event) {
    const box = this.plot.getBoundingClientRect();
    const part = (event.clientX - box.left - PLOT.left) / (box.width - PLOT.left - PLOT.right);
    this.look(this.since + Math.max(0, Math.min(1, part)) * (this.until - this.since));
  }

  key(event) {
    const last = this.points.length - 1;
    const to = { ArrowRight: this.index + 1, ArrowUp: this.index + 1, ArrowLeft: this.index - 1, ArrowDown: this.index - 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.look(this.middle(this.points[Math.max(0, Math.min(last, to))]));
  }

  draw(time) {
    const width = this.plot.clientWidth;
    if (!width) return;
    const { height, left, right, top, bottom } = PLOT;
    const { points, lines, since, until } = this;
    const floor = height - bottom;
    const most = roundUp(Math.max(...points.map(({ value }) => value), ...lines.map(([value]) => value), 0));
    const x = (at) => left + ((Math.max(since, Math.min(until, at)) - since) / (until - since)) * (width - left - right);
    const y = (value) => floor - (value / most) * (floor - top);
    const picture = svg("svg", { width, height, "aria-hidden": "true" });
    for (const value of points.length ? [0, most / 2, most] : [0]) {
      if (value === most / 2 && this.kind.unit(value).length > 7) continue;
      picture.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "axis" }), svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end", class: "dim" }, value ? this.kind.unit(value) : "0"));
    }
    for (const [at, text] of axisTimes(since, until, (width - left - right) / 64)) picture.append(svg("text", { x: Math.min(x(at), width - right - text.length * 2.5), y: height - 6, "text-anchor": "middle", class: "dim" }, text));
    this.happened(picture, x, floor);
    if (points.length) this.line(picture, x, y, floor);
    const written = new Map();
    for (const [value, text] of lines) {
      picture.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: `level ${text}` }));
      const close = [...written.keys()].find((at) => Math.abs(at - y(value)) < 11) ?? y(value);
      written.set(close, [...(written.get(close) ?? []), text]);
    }
    for (const [at, texts] of written) picture.append(svg("text", { x: width - right - 2, y: at < top + 12 ? at + 12 : at - 3, "text-anchor": "end", class: "label" }, texts.join(", ")));
    this.index = time == null ? points.length : this.nearest(time);
    const here = points[this.index];
    const found = [];
    if (here) {
      const at = x(Math.max(here.from, Math.min(here.to, time)));
      picture.append(svg("line", { x1: at, x2: at, y1: top, y2: floor, class: "look" }), svg("circle", { cx: at, cy: y(here.value), r: 3.5, class: "dot" }));
      found.push(...this.around(x, at));
    }
    const said = here ? [this.kind.say(here), ...found].join("; ") : this.words;
    this.said.textContent = this.said.title = said;
    const now = Math.max(0, Math.min(points.length - 1, this.index));
    const values = { valuemin: 0, valuemax: Math.max(0, points.length - 1), valuenow: now, valuetext: here ? said : `${this.big.textContent}; ${this.words}` };
    for (const [name, value] of Object.entries(values)) this.plot.setAttribute(`aria-${name}`, String(value));
    this.plot.replaceChildren(picture);
  }

  line(picture, x, y, floor) {
    const { points, since, until } = this;
    // One value holds for the whole time.
    const at = points.length === 1 ? [[x(since), y(points[0].value)], [x(until), y(points[0].value)]] : points.flatMap(({ from, to, value }) => (from === to ? [[x(from), y(value)]] : [[x(from), y(value)], [x(to), y(value)]]));
    const path = at.map(([one, other]) => `${one.toFixed(1)} ${other.toFixed(1)}`).join("L");
    picture.append(svg("path", { class: "under", d: `M${at[0][0].toFixed(1)} ${floor}L${path}L${at.at(-1)[0].toFixed(1)} ${floor}Z` }), svg("path", { class: "line", d: `M${path}` }));
    if (points.length <= 40) for (const { from, to, value } of points) if (from === to) picture.append(svg("circle", { cx: x(from), cy: y(value), r: 2, class: "dot" }));
  }

  // Crashes, restarts and rows that were set aside, at their time; what stands together has one sign, of the worst.
  happened(picture, x, floor) {
    let before = null;
    for (const mark of this.marks) {
      const at = x(mark.time);
      const tone = TONES[mark.kind] ?? "";
      if (before && at < before.at + 11 && (before.tone === "bad" || tone !== "bad")) continue;
      if (before && at < before.at + 11) before.drawn.forEach((one) => one.remove());
      before = { at, tone, drawn: [svg("line", { x1: at, x2: at, y1: PLOT.top - 4, y2: floor, class: `event ${tone}` }), svg("text", { x: at, y: 11, "text-anchor": "middle", class: tone }, mark.sign)] };
      picture.append(...before.drawn);
    }
  }

  around(x, at) {
    const near = this.marks.filter((mark) => Math.abs(x(mark.time) - at) < 8);
    return [...near.slice(0, 2).map((mark) => `${mark.sign} ${mark.label}`), ...(near.length > 2 ? [`${near.length - 2} more`] : [])];
  }
}

class MetricsTab {
  constructor() {
    this.time = null;
    this.gauges = GAUGES.map((kind) => new Gauge(kind, (time) => this.look(time)));
    this.none = empty("Nothing was measured yet: the first batch has not been answered.");
    this.grid = h("div", { class: "gauges" }, this.gauges.map((one) => one.element));
    this.element = h("div", { class: "metrics" }, this.none, this.grid);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.grid);
  }

  close() {
    this.watch.disconnect();
  }

  load(metrics, { signs }) {
    this.none.hidden = metrics.latencies.length > 0;
    this.grid.hidden = !this.none.hidden;
    const told = signs.map(([time, kind, sign, , label]) => ({ time, kind, sign, label })).filter(({ time }) => time >= metrics.since);
    for (const gauge of this.gauges) gauge.load(metrics, told, this.time);
  }

  look(time) {
    this.time = time;
    this.draw();
  }

  draw() {
    for (const gauge of this.gauges) if (gauge.points) gauge.draw(this.time);
  }
}
