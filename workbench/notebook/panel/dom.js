// Elements by construction: what users wrote becomes text, and never markup.

function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== "" && child !== false));
  return element;
}

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

const whole = (number) => Math.round(number).toLocaleString("en-US");

function short(number) {
  if (number == null || !isFinite(number)) return "–";
  for (const [size, unit] of [[1e9, " G"], [1e6, " M"], [1e4, " k"]])
    if (Math.abs(number) >= size) return Number((number / (unit === " k" ? 1e3 : size)).toPrecision(3)) + unit;
  return Math.abs(number) >= 100 ? whole(number) : String(Number(number.toPrecision(3)));
}

function milliseconds(number) {
  if (number == null) return "–";
  if (number < 0.1) return "< 0.1 ms";
  return number < 1000 ? `${Number(number.toPrecision(number < 1 ? 1 : 3))} ms` : `${Number((number / 1000).toPrecision(3))} s`;
}

function clock(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  return all < 3600 ? `${two(Math.floor(all / 60))}:${two(all % 60)}` : `${Math.floor(all / 3600)} h ${two(Math.floor(all / 60) % 60)}`;
}

const after = (seconds) => (seconds < 3600 ? `+${seconds.toFixed(3)} s` : `+${clock(seconds)}`);

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page that is not served over https or from this machine has no clipboard but this old one.
    const area = h("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function empty(text) {
  return h("p", { class: "empty" }, text);
}

// Children by key: what stays is left alone, and with it focus, selection, scrolling and what was opened in it.
function keep(parent, items, keyOf, make) {
  const before = parent.kept ?? new Map();
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  parent.kept = new Map(items.map((item) => [keyOf(item), item]));
  for (const [key, node] of before) if (!parent.kept.has(key)) node.remove();
  for (const [key, item] of parent.kept) {
    const node = before.get(key) ?? make(item);
    node.renew?.(item);
    parent.kept.set(key, node);
  }
  let next = null;
  for (const node of [...parent.kept.values()].reverse()) {
    if (node.parentNode !== parent || node.nextSibling !== next) parent.insertBefore(node, next);
    next = node;
  }
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}
