// The picture of a run's history: a lane for each life of a worker, batches as ticks, and a mark for all else.
// A start-up that is long for the run is cut short; marks that would cover each other stand together, with their
// number; many batches are drawn by how many there were. What a mark tells is `history.js`: its rows are the keyboard's way.

const LANE = 34;
const LEFT = 96;
const RIGHT = 24;
const STUB = 64;
const NEAR = 15;
const LANES = 8;
const TONES = { crashed: "bad", gave_up: "bad", failed: "bad", restarted: "warn", recycled: "warn", state_restored: "warn", silent: "warn", interrupted: "warn", skipped: "warn", dead_letter: "warn", state_lost: "warn", fallback: "warn", started: "good", finished: "good" };

const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Number(seconds.toPrecision(3))} s`);

// Times for an axis: round ones, at most `most`, all in the unit that the last one has.
function axisTimes(from, to, most) {
  const rough = (to - from) / Math.max(1, most) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const long = to > 120 && rough >= 0.5;
  let step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  if (long) step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200].find((one) => one >= rough) ?? Math.ceil(rough / 3600) * 3600;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const text = (time) => (long ? clock(time) : to < 1 ? `${Number((time * 1000).toFixed(3))} ms` : `${time.toFixed(digits)} s`);
  const times = [];
  for (let index = Math.ceil(from / step); index * step <= to; index++) times.push([index * step, text(index * step)]);
  return times;
}

// Which lane each life is drawn in: one of its own, or, when there are many, the first whose last life is over.
function lanesOf(lives) {
  const lanes = [];
  for (const life of lives) {
    const free = lives.length > LANES ? lanes.find((lane) => lane.at(-1).to != null && lane.at(-1).to <= life.from) : null;
    if (free) free.push(life);
    else lanes.push([life]);
  }
  return lanes;
}

class Timeline {
  constructor(choose) {
    this.choose = choose;
    this.element = h("div", { class: "timeline" });
    this.watch = new ResizeObserver(() => this.history && this.draw());
    this.watch.observe(this.element);
  }

  close() {
    this.watch.disconnect();
  }

  load(history, chosen, newest) {
    Object.assign(this, { history, chosen, newest });
    this.draw();
  }

  draw() {
    const { lives, ticks, strip, seconds, ready } = this.history;
    const width = this.element.clientWidth;
    if (!width) return;
    const from = this.newest ? ticks[0][1] : (ready ?? seconds);
    const until = Math.max(seconds, from + 1e-6);
    const plot = width - LEFT - RIGHT;
    // The time before the first worker was ready, at its true length only where that is short.
    const whole = this.newest ? 0 : (plot * from) / until;
    const stub = ready == null && !this.newest ? plot : Math.min(whole, STUB);
    this.at = (time) => (time < from ? LEFT + (stub * time) / from : LEFT + stub + ((Math.min(time, until) - from) / (until - from)) * (plot - stub));
    this.begun = LEFT;
    const lanes = lanesOf(lives.filter((life) => life.to == null || life.to >= from));
    const middles = new Map();
    lanes.forEach((lane, index) => lane.forEach((life) => middles.set(life.worker, index * LANE + 28)));
    const floor = Math.max(1, lanes.length) * LANE;
    const height = floor + 44;
    const picture = svg("svg", { width, height, role: "img", "aria-label": `${lives.length} worker ${lives.length === 1 ? "life" : "lives"} in ${duration(seconds)}; the table below has each event` });
    for (const [index, lane] of lanes.entries()) {
      const name = lane.length === 1 ? `worker ${lane[0].worker}` : `workers ${lane[0].worker}–${lane.at(-1).worker}`;
      picture.append(svg("text", { x: 14, y: index * LANE + 32, class: "dim" }, name));
    }
    for (const life of lives) if (middles.has(life.worker)) this.life(picture, life, middles.get(life.worker), until);
    if (stub && !this.newest) this.start(picture, middles.get(lives[0]?.worker) ?? 28, from, stub, stub < whole - 1);
    if (strip && !this.newest) this.strip(picture, strip, middles);
    else picture.append(svg("path", { class: "tick", d: ticks.filter(([worker]) => middles.has(worker)).map(([worker, time]) => `M${this.at(time).toFixed(1)} ${middles.get(worker) - 8}v16`).join("") }));
    this.axis(picture, floor + 16, width, stub === plot ? 0 : from, until);
    this.marks(picture, this.seen(middles, this.newest ? from : 0), width);
    this.element.replaceChildren(picture);
  }

  // The marks that are drawn, each with its height; those too old to be sent with all that is known are signs alone.
  seen(middles, from) {
    const { lives, marks, count, signs } = this.history;
    const last = middles.get(lives.at(-1)?.worker) ?? 28;
    const all = marks.map((mark, index) => ({ mark, number: count - marks.length + index, y: mark.worker == null ? last : middles.get(mark.worker) }));
    const oldest = marks[0]?.time ?? 0;
    for (const [time, kind, sign, word, label, worker] of signs) if (time < oldest) all.push({ mark: { time, kind, sign, word, label, worker }, number: -1, y: middles.get(worker) });
    return all.filter(({ mark, y }) => y !== undefined && mark.time >= from && mark.kind !== "started" && mark.kind !== "finished");
  }

  start(picture, y, from, stub, cut) {
    picture.append(svg("line", { x1: LEFT, x2: LEFT + stub - (cut ? 5 : 0), y1: y, y2: y, class: "starting" }));
    if (cut) picture.append(svg("path", { class: "cut", d: `M${LEFT + stub - 9} ${y + 6}l4 -12m2 12l4 -12` }));
    const { ready, running } = this.history;
    if (ready != null && duration(ready) === "0 ms") return; // it was ready before
    const words = ready != null ? `started in ${duration(ready)}` : running ? "starting" : "ended before a worker was ready";
    picture.append(svg("text", { x: LEFT, y: y - 12, class: "dim" }, words));
    this.begun = LEFT + words.length * 6.2;
  }

  life(picture, life, y, until) {
    const begin = this.at(life.ready ?? life.to ?? until);
    const end = this.at(life.to ?? until);
    if (this.at(life.from) < begin - 8) picture.append(svg("line", { x1: this.at(life.from), x2: begin, y1: y, y2: y, class: "starting" }));
    picture.append(svg("rect", { x: begin, y: y - 8, width: Math.max(2, end - begin - 1), height: 16, rx: 3, class: "life" }, svg("title", {}, `worker ${life.worker}, pid ${life.pid}`)));
  }

  // How many batches there were, as the height of the green in the bar.
  strip(picture, { width, sums }, middles) {
    const most = Math.max(...sums.flatMap(([, bins]) => bins.map(([, count]) => count)));
    for (const [worker, bins] of sums) {
      if (!middles.has(worker)) continue;
      const floor = middles.get(worker) + 8;
      const box = ([bin, count]) => `M${this.at(bin * width).toFixed(1)} ${floor}v${((-16 * count) / most).toFixed(1)}H${this.at((bin + 1) * width).toFixed(1)}V${floor}`;
      picture.append(svg("path", { class: "many", d: bins.map(box).join("") }));
    }
  }

  axis(picture, y, width, from, until) {
    picture.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y, y2: y, class: "axis" }));
    const times = axisTimes(from, until, (width - LEFT - RIGHT) / 90).map(([time, text]) => [this.at(time), text]);
    if (this.at(from) > LEFT) times.unshift([LEFT, "0 s"]);
    let taken = -Infinity;
    for (const [x, text] of times) {
      if (x < taken + 26) continue;
      taken = x + text.length * 3.2;
      picture.append(svg("line", { x1: x, x2: x, y1: y, y2: y + 4, class: "axis" }), svg("text", { x: Math.min(x, width - 2 - text.length * 3.2), y: y + 17, "text-anchor": "middle", class: "dim" }, text));
    }
  }

  // Marks of a lane from left to right. One that would cover the last is moved a little, or joins it.
  marks(picture, seen, width) {
    const lanes = new Map();
    for (const one of seen.sort((one, other) => one.mark.time - other.mark.time)) {
      const x = this.at(one.mark.time) - (one.mark.kind === "restarted" ? 9 : 0);
      const tone = TONES[one.mark.kind] ?? "";
      const lane = lanes.get(one.y) ?? [];
      lanes.set(one.y, lane);
      const before = lane.at(-1);
      if (!before || x >= before.x + NEAR) lane.push({ x, tone, all: [one] });
      else if (before.tone === tone || before.x > x) {
        before.all.push(one);
        if (tone === "bad") before.tone = tone;
      } else lane.push({ x: before.x + NEAR, tone, all: [one] });
    }
    for (const [y, lane] of lanes) this.lane(picture, y, lane, width, y === 28 ? this.begun : LEFT);
  }

  lane(picture, y, groups, width, begun) {
    // What is taken beside the marks and above the bar; a label goes where there is room, the bad ones first.
    const beside = groups.map(({ x }) => [x - 8, x + 8]);
    const above = [[LEFT, begun]];
    const free = (row, begin, end) => begin >= LEFT && end < width - 4 && row.every(([from, to]) => end < from || begin > to);
    const labels = [];
    const order = [...groups].sort((one, other) => (other.tone === "bad") - (one.tone === "bad"));
    for (const { x, tone, all } of order) {
      if (all.every(({ mark }) => mark.word === "restarted")) continue;
      const text = this.label(all);
      const size = text.length * 6.1;
      const tries = [[beside, x + 11, text, 4, size], [above, x - 4, text, -12, size], [above, x + 4 - size, text, -12, size]];
      if (all.length > 1) tries.push([beside, x + 9, String(all.length), 4, 7 * String(all.length).length]);
      const found = tries.find(([row, begin, , , room]) => free(row, begin, begin + room));
      if (!found) continue;
      const [row, begin, shown, by, room] = found;
      row.push([begin, begin + room]);
      labels.push(svg("text", { x: begin, y: y + by, class: `label ${tone}` }, shown));
    }
    picture.append(...labels);
    for (const { x, tone, all } of groups) {
      const worst = all.find(({ mark }) => TONES[mark.kind] === tone) ?? all[0];
      const here = this.chosen >= 0 && all.some(({ number }) => number === this.chosen);
      const lines = all.slice(0, 8).map(({ mark }) => `${after(mark.time)}  ${mark.word}${mark.detail ? `: ${mark.detail}` : ""}`);
      if (all.length > 8) lines.push(`and ${all.length - 8} more, in the table`);
      const spot = svg("g", { class: `mark ${tone}${here ? " chosen" : ""}` }, svg("title", {}, lines.join("\n")), svg("circle", { cx: x, cy: y, r: 9 }), svg("text", { x, y: y + 5, "text-anchor": "middle" }, worst.mark.sign));
      // Of several, each click shows the next.
      const known = all.filter(({ number }) => number >= 0);
      const next = known[(known.findIndex(({ number }) => number === this.chosen) + 1) % known.length];
      if (next) spot.addEventListener("click", () => this.choose(next.number));
      else spot.classList.add("old");
      picture.append(spot);
    }
  }

  label(all) {
    if (all.length === 1) return all[0].mark.label;
    const rows = all.reduce((sum, { mark }) => sum + (mark.rows ?? 0), 0);
    if (all.every(({ mark }) => mark.kind === "dead_letter")) return `${rows ? `${whole(rows)} ` : ""}rows set aside`;
    const kinds = new Map();
    for (const { mark } of all) kinds.set(mark.word, (kinds.get(mark.word) ?? 0) + 1);
    return [...kinds].map(([word, count]) => (count > 1 ? `${count} × ${word}` : word)).join(", ");
  }
}
