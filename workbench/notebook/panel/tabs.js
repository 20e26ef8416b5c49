// The tabs that are plain lists: logs, code and SQL. Each function gives one element.

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
