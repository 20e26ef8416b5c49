// The tab that is a plain list: logs.

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
