// What an aggregate holds: a card for each group, the way of one group's result over the batches, and what each batch
// changed in the state. Groups, batches and parts of a state that are not here are asked for.

const ORDERS = [["first", "in order of appearance"], ["largest", "largest result first"], ["latest", "changed last first"]];
const CHART = { height: 170, left: 62, right: 22, top: 26, bottom: 24 };
const MARKED = { crashed: "bad", restarted: "warn", recycled: "warn", dead_letter: "warn", snapshot: "dim" };
const NO_STATE = {
  udaf: "The state is shown here after the first batch.",
  udf: "A scalar function keeps no state that can be seen: each row has its own result, in Output. An aggregate (a class with accumulate, merge and finish) shows here what it holds after each batch.",
  udtf: "A table function keeps no state that can be seen: each row has its own output rows, in Output. An aggregate (a class with accumulate, merge and finish) shows here what it holds after each batch.",
  script: "What a script holds in memory cannot be seen from outside, or saved: print it, and read it in Logs. An aggregate (a class with accumulate, merge and finish) shows its state here after each batch.",
};

class States {
  constructor({ ask }) {
    this.ask = ask;
    this.view = { text: "", order: "", group: null };
    this.search = h("input", { type: "search", placeholder: "Find groups", "aria-label": "Find groups", oninput: (event) => this.look({ text: event.target.value }) });
    const orders = ORDERS.map(([value, word]) => h("option", { value }, word));
    this.order = h("select", { "aria-label": "Order of the groups", onchange: (event) => this.look({ order: event.target.value }) }, orders);
    this.found = h("span", { class: "found" });
    this.all = h("button", { type: "button", onclick: () => this.leave() }, "✕ All groups");
    this.tools = h("div", { class: "tools" }, this.search, this.order, this.found, this.all);
    this.cards = h("div", { class: "cards groups", role: "group", "aria-label": "Groups" });
    this.total = h("div", { class: "total" });
    this.picture = h("div", { class: "picture" });
    this.chart = h("div", { class: "chart" }, this.total, this.picture);
    this.legend = h("div", { class: "legend" });
    this.events = h("ul", { class: "events", "aria-label": "What happened to the state" });
    this.head = h("tr");
    this.table = h("table", { "aria-label": "State" }, h("thead", {}, this.head));
    this.note = h("p", { class: "empty" });
    this.body = h("div", {}, this.tools, this.cards, this.chart, this.legend, this.events, h("div", { class: "x", tabindex: "0", role: "group", "aria-label": "State" }, this.table), this.note);
    this.nothing = empty("");
    this.element = h("div", { class: "states" }, this.nothing, this.body);
    this.watch = new ResizeObserver(() => this.facts?.chart && this.draw(this.facts));
    this.watch.observe(this.picture);
  }

  close() {
    this.watch.disconnect();
  }

  load(facts) {
    this.base = facts;
    this.renew();
    return this.element;
  }

  look(view) {
    this.view = { ...this.view, ...view };
    this.renew();
  }

  leave() {
    const { group } = this.view;
    this.look({ group: null });
    (this.cards.kept?.get(group) ?? this.search).focus();
  }

  // One question at a time: while it is answered the next is noted, and the newest is asked.
  async renew() {
    const { text, order, group } = this.view;
    this.stale = true; // what is on its way answers an older question
    if (!this.base.rows.length || (!text && !order && group == null)) return this.show(this.base);
    if (this.asking) return;
    this.asking = true;
    while (this.stale) {
      this.stale = false;
      const { state, error } = await this.ask({ kind: "state", ...this.view });
      if (error) this.found.textContent = error;
      else if (!this.stale) this.show(state);
    }
    this.asking = false;
  }

  show(facts) {
    this.facts = facts;
    const { rows, grouped, chosen, parts, cut } = facts;
    this.nothing.hidden = rows.length > 0;
    this.body.hidden = !rows.length;
    if (!rows.length) return void (this.nothing.textContent = NO_STATE[facts.kind]);
    this.tools.hidden = this.cards.hidden = !grouped;
    this.order.value = facts.order;
    this.all.hidden = this.view.group == null;
    const some = facts.found > facts.cards.length ? `${whole(facts.cards.length)} of ` : "";
    const of = facts.found < facts.total ? ` of ${whole(facts.total)}` : "";
    this.found.textContent = `${some}${whole(facts.found)}${of} ${facts.total === 1 ? "group" : "groups"}`;
    keep(this.cards, grouped ? facts.cards : [], (card) => card.group, () => this.card());
    this.chart.hidden = this.legend.hidden = this.events.hidden = !chosen;
    if (chosen) this.draw(facts);
    const named = grouped && !chosen;
    this.head.replaceChildren(...["batch", ...(named ? ["group"] : []), "result", "state: what changed is bold, was → is"].map((name) => h("th", { scope: "col", class: name === "batch" ? "n" : name === "result" ? "n output" : "" }, name)));
    this.table.classList.toggle("named", named);
    keep(this.table, rows, (row) => `${row.batch} ${row.group} ${row.word} ${row.result} ${named}`, (row) => this.row(row, named));
    const notes = [
      facts.states > rows.length && `the newest ${whole(rows.length)} of ${whole(facts.states)} states`,
      parts > 1 && `${parts} workers: each has a state of its own, of every ${parts}${["", "st", "nd", "rd"][parts] ?? "th"} batch; the end merges them`,
      cut && `a batch that changes more than ${whole(cut)} groups tells of the first ${whole(cut)}`,
    ];
    this.note.textContent = notes.filter(Boolean).join("; ");
    this.note.hidden = !this.note.textContent;
  }

  card() {
    const name = h("small");
    const result = h("b");
    const picture = h("div");
    const late = h("small");
    const node = h("button", { type: "button", class: "card" }, name, result, picture, late);
    node.renew = ({ group, name: parts, result: [text, kind], batch, values }) => {
      node.onclick = () => this.look({ group: this.view.group === group ? null : group });
      node.setAttribute("aria-pressed", String(this.view.group === group));
      name.replaceChildren(...named(parts));
      result.replaceChildren(kind === "null" ? h("i", {}, text) : text);
      picture.replaceChildren(...(values.length > 1 ? [spark(values, { width: 150, height: 30, label: "its results" })] : []));
      late.textContent = batch < this.facts.newest ? `unchanged since batch ${whole(batch)}` : "";
    };
    return node;
  }

  row({ batch, group, name, result: [text, kind], word, pieces, more }, grouped) {
    const full = h("tr", { hidden: true }, h("td", { colspan: "4" }));
    const open = async () => {
      full.hidden = !full.hidden;
      button.setAttribute("aria-expanded", String(!full.hidden));
      button.textContent = full.hidden ? "▸ all" : "▾ all";
      if (full.hidden) return;
      const { lines, error } = await this.ask({ kind: "full_state", group, batch, merged: word === "merged" });
      full.firstChild.replaceChildren(h("pre", { tabindex: "0", "aria-label": "The whole state" }, error ?? lines.join("\n")));
    };
    const button = h("button", { type: "button", class: "link", "aria-expanded": "false", onclick: open }, "▸ all");
    const cells = pieces.map(([part, before, now]) => h("span", { class: "piece" }, part && h("small", {}, part), ...change(before, now)));
    return h(
      "tbody",
      {},
      h("tr", {}, h("td", { class: "n" }, whole(batch)), grouped && h("td", {}, named(name)), h("td", { class: "n output" }, kind === "null" ? h("i", {}, text) : text), h("td", { class: "pieces" }, h("div", {}, word && h("span", { class: "k" }, word), cells, more && button))),
      full,
    );
  }

  draw({ chosen, chart, grouped }) {
    const { name, result: [text, kind], batch, states } = chosen;
    this.total.replaceChildren(h("small", {}, grouped ? named(name) : "result"), h("b", {}, kind === "null" ? h("i", {}, text) : text), h("small", {}, `after batch ${whole(batch)}`), h("small", {}, `${whole(states)} ${states === 1 ? "state" : "states"}`));
    const kinds = [...new Map(chart.marks.map((mark) => [mark.kind, mark])).values()];
    this.legend.replaceChildren(...kinds.map(({ kind: one, sign, word }) => h("span", { class: MARKED[one] }, `${sign} ${word}`)));
    const told = chart.marks.filter(({ kind: one }) => one !== "snapshot" && one !== "crashed").slice(-5);
    keep(this.events, told, (mark) => `${mark.batch} ${mark.kind} ${mark.detail}`, (mark) => h("li", {}, h("b", { class: MARKED[mark.kind] }, `${mark.sign} ${mark.word}`), ` in batch ${whole(mark.batch)}: ${mark.detail}`));
    const width = this.picture.clientWidth;
    if (width) this.picture.replaceChildren(chart.points.length ? lines(chart, width) : empty("The results are no numbers: there is nothing to draw."));
  }
}

function named(parts) {
  return parts.flatMap(([column, text, kind], index) => [index ? ", " : "", `${column}=`, kind === "null" ? h("i", {}, text) : text]);
}

function change(before, now) {
  if (before == null) return [now];
  if (before === "") return [h("span", { class: "was" }, "new → "), h("b", {}, now)];
  return [h("span", { class: "was" }, `${before} → `), h("b", {}, now || "gone")];
}

// The results of one group over the batches: a line for each part of a worker, and a mark for what happened to them.
function lines({ points, marks }, width) {
  const { height, left, right, top, bottom } = CHART;
  const batches = points.map(([batch]) => batch);
  const values = points.map(([, value]) => value);
  const [first, last, low, high] = [Math.min(...batches), Math.max(...batches), Math.min(...values), Math.max(...values)];
  const x = (batch) => (last === first ? left + (width - left - right) / 2 : left + ((batch - first) / (last - first)) * (width - left - right));
  const y = (value) => (high === low ? (height - bottom + top) / 2 : height - bottom - ((value - low) / (high - low)) * (height - bottom - top));
  const told = marks.filter((mark) => mark.kind !== "snapshot").map((mark) => `${mark.word} in batch ${mark.batch}`);
  const label = `result over batches ${first} to ${last}: from ${short(values[0])} to ${short(values.at(-1))}, lowest ${short(low)}, highest ${short(high)}${told.length ? `; ${told.join(", ")}` : ""}`;
  const picture = svg("svg", { width, height, role: "img", "aria-label": label });
  const write = (text, at, where, anchor = "start") => picture.append(svg("text", { x: at, y: where, "text-anchor": anchor, class: "dim" }, text));
  for (const value of high === low ? [low] : [low, high]) {
    picture.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "axis" }));
    write(short(value), left - 8, y(value) + 4, "end");
  }
  for (const batch of new Set([first, Math.round((first + last) / 2), last])) write(`batch ${whole(batch)}`, x(batch), height - 6, batch === first && first !== last ? "start" : batch === last && first !== last ? "end" : "middle");
  const drawn = {};
  for (const { kind, batch, sign, word, detail } of marks) {
    const at = x(batch);
    const line = svg("line", { x1: at, x2: at, y1: top - 6, y2: height - bottom, class: `mark ${MARKED[kind]}` });
    line.append(svg("title", {}, `${word}, batch ${batch}${detail ? `: ${detail}` : ""}`));
    picture.append(line);
    // A restart stands beside the crash that it follows; of signs that would cover each other the first is written.
    const beside = kind === "restarted" ? at + 13 : at;
    if (Math.abs(beside - (drawn[kind] ?? -Infinity)) < 14) continue;
    drawn[kind] = beside;
    picture.append(svg("text", { x: beside, y: top - 10, "text-anchor": "middle", class: `sign ${MARKED[kind]}` }, sign));
  }
  for (const part of new Set(points.map((point) => point[2]))) {
    const mine = points.filter((point) => point[2] === part);
    const path = mine.map(([batch, value]) => `${x(batch).toFixed(1)} ${y(value).toFixed(1)}`).join(" L");
    if (mine.length > 1) picture.append(svg("path", { d: `M${path}`, class: "way" }));
    if (mine.length > 40) continue;
    for (const [batch, value] of mine) picture.append(svg("circle", { cx: x(batch), cy: y(value), r: part == null ? 4 : 2.5, class: "point" }, svg("title", {}, `${part == null ? "merged" : `batch ${batch}`}: ${value}`)));
  }
  return picture;
}
