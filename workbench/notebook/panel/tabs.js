// The tabs that are plain lists: state, logs, dead letters, code and SQL. Each function gives one element.

function stateTab({ rows, grouped, total, restored }) {
  if (!rows.length) return empty("An aggregate shows its state here after each batch. This run has none.");
  const groups = new Map();
  for (const [batch, group, result] of rows) {
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push([batch, result]);
  }
  const cards = [...groups].slice(0, 8).map(([group, points]) => {
    const values = points.map(([, result]) => Number(result)).filter((value) => isFinite(value));
    const last = points.at(-1)[1];
    const name = group || "result";
    return h("div", { class: "card" }, h("small", {}, name), h("b", {}, last), values.length > 1 && spark(values, { width: 150, height: 30, label: `${name} over ${points.length} states` }));
  });
  const more = groups.size > 8 ? h("p", { class: "empty" }, `${whole(groups.size - 8)} more groups in the table`) : null;
  const heads = ["batch", ...(grouped ? ["group"] : []), "result", "state", "changed"];
  const body = rows.map(([batch, group, result, state, changed]) =>
    h(
      "tr",
      {},
      h("td", { class: "n" }, whole(batch), restored.includes(batch) && h("span", { class: "warn", title: "restored from a snapshot after this batch" }, " ↻")),
      grouped && h("td", {}, group),
      h("td", { class: "n output" }, result === "NULL" ? h("i", {}, "NULL") : result),
      h("td", { class: "wrap" }, state),
      h("td", { class: "dim" }, changed),
    ),
  );
  const note = total > rows.length ? h("p", { class: "empty" }, `the newest ${whole(rows.length)} of ${whole(total)} states`) : null;
  return h("div", {}, h("div", { class: "cards" }, cards), more, list("State", heads, body, ["batch", "result"], "result"), note);
}

function list(label, heads, body, numbers = [], output = "") {
  const cells = heads.map((name) => h("th", { scope: "col", class: `${numbers.includes(name) ? "n" : ""}${output && name === output ? " output" : ""}` }, name));
  return h("div", { class: "x", tabindex: "0", role: "group", "aria-label": label }, h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, cells)), h("tbody", {}, body)));
}

function logsTab({ seen, lines }, filter, change) {
  if (!seen) return empty("The workers printed nothing.");
  const input = h("input", { type: "search", placeholder: "Filter lines", "aria-label": "Filter lines", value: filter, oninput: (event) => show(event.target.value) });
  const found = h("span", { class: "found", "aria-live": "polite" });
  const body = h("tbody");
  const show = (text) => {
    change(text);
    const low = text.toLowerCase();
    const kept = lines.filter((line) => line[4].toLowerCase().includes(low) || text === `batch ${line[2]}` || text === line[3]);
    found.textContent = kept.length === seen ? `${whole(seen)} ${seen === 1 ? "line" : "lines"}` : `${whole(kept.length)} of ${whole(seen)} lines`;
    body.replaceChildren(
      ...kept.map(([time, worker, batch, stream, words]) =>
        h("tr", { class: stream }, h("td", { class: "dim" }, after(time)), h("td", { class: "n dim" }, String(worker)), h("td", { class: "n dim" }, batch == null ? "" : String(batch)), h("td", { class: stream === "stderr" ? "warn" : "dim" }, stream), h("td", { class: "wrap" }, words)),
      ),
    );
  };
  show(filter);
  const heads = ["when", "worker", "batch", "stream", "text"].map((name) => h("th", { scope: "col", class: name === "worker" || name === "batch" ? "n" : "" }, name));
  return h("div", {}, h("div", { class: "tools" }, input, found), h("div", { class: "x tall", tabindex: "0", role: "group", "aria-label": "Logs" }, h("table", { "aria-label": "Logs" }, h("thead", {}, h("tr", {}, heads)), body)));
}

function lettersTab({ columns, rows, numbers, total }, able, replay) {
  if (!total) return empty("No row was set aside: every row has its result.");
  const body = rows.map((row, index) => {
    const cells = row.map(([text, kind], at) =>
      h("td", { class: `${at < 2 || kind === "number" ? "n" : ""}${kind === "word" ? " bad wrap" : ""}` }, kind === "null" || kind === "empty" ? h("i", {}, text) : kind === "word" ? `✕ ${text}` : text),
    );
    const again = h("button", { type: "button", class: "link", disabled: !able, title: `Run row ${numbers[index]} again`, onclick: () => replay(numbers[index]) }, "Replay");
    return h("tr", {}, cells, h("td", {}, again));
  });
  const right = columns.filter((_, at) => at < 2 || rows[0]?.[at]?.[1] === "number");
  const note = total > rows.length ? h("p", { class: "empty" }, `the first ${whole(rows.length)} of ${whole(total)}`) : null;
  return h("div", {}, list("Dead letters", [...columns, ""], body, right), note);
}

function codeTab(versions) {
  const shown = h("div", { class: "code" });
  const show = (index, diff) => {
    const one = versions[index];
    const lines = diff
      ? one.diff.map((line) => h("div", { class: line[0] === "+" ? "added" : line[0] === "-" ? "removed" : line[0] === "@" ? "dim" : "" }, line || " "))
      : one.source.map((line, at) => h("div", {}, h("span", { class: "number", "aria-hidden": "true" }, String(at + 1)), line || " "));
    shown.replaceChildren(h("pre", { tabindex: "0", "aria-label": diff ? "Changes" : "Source" }, lines));
    for (const button of bar.querySelectorAll("button[data-at]")) button.setAttribute("aria-pressed", String(button.dataset.at === `${index}${diff ? "d" : ""}`));
  };
  const buttons = versions.flatMap((one, index) => [
    h("button", { type: "button", "data-at": String(index), onclick: () => show(index, false) }, `v${one.version}`),
    one.diff.length ? h("button", { type: "button", "data-at": `${index}d`, title: `What v${one.version} changed`, onclick: () => show(index, true) }, `± v${one.version}`) : null,
  ]);
  const copy = h("button", { type: "button", class: "right", onclick: () => copyText(versions[0].source.join("\n")) }, "Copy");
  const bar = h("div", { class: "tools" }, h("span", { class: "dim" }, versions[0].entry), buttons, copy);
  show(0, false);
  return h("div", {}, bar, shown);
}

function sqlTab(targets, say) {
  return h(
    "div",
    {},
    targets.map(({ title, text, command }) =>
      h(
        "div",
        { class: "code" },
        h("div", { class: "tools" }, h("b", {}, title), h("span", { class: "dim" }, command), h("button", { type: "button", class: "right", "aria-label": `Copy the statement for ${title}`, onclick: () => copyText(text).then(() => say("copied")) }, "Copy")),
        h("pre", { tabindex: "0", "aria-label": title }, text),
      ),
    ),
  );
}
