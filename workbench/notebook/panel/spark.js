// A line of numbers as a small picture. The words beside it say what it shows; the picture has them as its label.

function spark(values, { width = 96, height = 22, label = "", area = false } = {}) {
  const known = values.filter((value) => value != null && isFinite(value));
  const picture = svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
  if (known.length < 2) return picture;
  const low = Math.min(...known, area ? 0 : Infinity);
  const span = Math.max(...known) - low || 1;
  const at = known.map((value, index) => [
    ((index / (known.length - 1)) * (width - 4) + 2).toFixed(1),
    (height - 2 - ((value - low) / span) * (height - 4)).toFixed(1),
  ]);
  const line = at.map((point) => point.join(" ")).join(" L");
  if (area) picture.append(svg("path", { class: "under", d: `M${at[0][0]} ${height} L${line} L${at.at(-1)[0]} ${height} Z` }));
  picture.append(svg("path", { d: `M${line}`, "vector-effect": "non-scaling-stroke" }));
  return picture;
}
