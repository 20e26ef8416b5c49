// The tabs Code and SQL: coloured source, what happened on its lines, what a version changed, statements to copy.

const LINKS = 4;

// What has no glyph of its own, or could reorder a line, is written as Python would: code never looks like something it
// is not. The return of a line's end in Windows is left out.
const escaped = (code) => (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`);
const plain = (text) => text.replace(/[^\P{C}\t]|[^\P{Z} ]/gu, (sign) => escaped(sign.codePointAt(0)));

const textIn = (run) => (typeof run === "string" ? run : run[1]);
const textOf = (lines) => lines.map((line) => line.map(textIn).join("")).join("\n");
const runsOf = (line) =>
  line.map((run, at) => {
    const text = plain(at === line.length - 1 ? textIn(run).replace(/\r$/, "") : textIn(run));
    return typeof run === "string" ? text : h("span", { class: `t-${run[0]}` }, text);
  });

const worstOf = (marks) => marks.find(([, , tone]) => tone === "bad") ?? marks[0];

class Code {
  constructor(facts, { open, say }) {
    this.facts = facts;
    this.open = open;
    this.say = say;
    this.at = 0;
    this.changes = false;
    this.marks = {};
    this.lines = new Map();
  }

  show(marks) {
    const first = !this.element;
    if (first) this.build();
    if (JSON.stringify(marks) !== JSON.stringify(this.marks)) {
      this.marks = marks;
      this.mark();
    }
    if (first && marks.marks.length) queueMicrotask(() => this.seek(marks.marks[0][0]));
    return this.element;
  }

  build() {
    const { versions, older } = this.facts();
    this.versions = versions;
    const options = versions.map(({ version }, at) => h("option", { value: String(at) }, `v${version}${at ? "" : " · this run"}`));
    if (older) options.push(h("option", { disabled: true }, `${older} older: %udf show`));
    const stay = (event) => event.stopPropagation(); // JupyterLab takes the arrows otherwise
    this.chooser = h("select", { onchange: (event) => this.choose(Number(event.target.value)), onkeydown: stay }, options);
    this.toggle = h("button", { type: "button", onclick: () => this.choose(this.at, !this.changes) });
    this.count = h("span", { class: "found", "aria-live": "polite" });
    this.links = h("span", { class: "links" });
    this.copy = h("button", { type: "button", onclick: () => this.copied() });
    this.box = h("div", { class: "lines", tabindex: "0", role: "group" });
    this.element = h("div", { class: "source" }, h("div", { class: "tools" }, h("span", { class: "dim" }, versions[0].entry), h("label", {}, "Version ", this.chooser), this.toggle, this.count, this.links, this.copy), this.box);
    this.choose(0);
  }

  choose(at, changes = this.changes) {
    const shown = this.versions[at];
    const before = this.versions[at + 1];
    this.at = at;
    this.changes = changes && shown.diff !== null;
    this.chooser.value = String(at);
    this.toggle.textContent = before ? `Changes since v${before.version}` : "Changes";
    this.toggle.disabled = shown.diff === null;
    this.toggle.title = shown.diff === null ? "There is no earlier version to compare with" : "";
    this.toggle.setAttribute("aria-pressed", String(this.changes));
    this.copy.textContent = `Copy v${shown.version}`;
    this.box.setAttribute("aria-label", this.changes ? `Changes of v${shown.version} since v${before.version}` : `Source of v${shown.version}`);
    this.lines.clear();
    this.box.replaceChildren(h("div", { class: "all" }, this.changes ? this.diff(shown, before) : this.source(shown)));
    this.box.scrollTo(0, 0);
    this.mark();
  }

  source({ lines, cut }) {
    this.count.textContent = lines.length === 1 ? "1 line" : `${whole(lines.length)}${cut ? ` of ${whole(lines.length + cut)}` : ""} lines`;
    return lines.map((runs, at) => this.line("div", [at + 1], "", runs, at + 1));
  }

  diff(shown, before) {
    if (!shown.diff.length) {
      this.count.textContent = "no line changed";
      return [h("p", { class: "empty" }, `The code is that of v${before.version}: what changed is the signature or an option.`)];
    }
    const rows = [];
    const gap = (count) => count > 0 && rows.push(h("div", { class: "gap" }, `⋯ ${whole(count)} unchanged ${count === 1 ? "line" : "lines"}`));
    let [seen, added, removed] = [0, 0, 0];
    for (const group of shown.diff) {
      gap(group[0][3] - seen);
      for (const [tag, from, to, first, last] of group) {
        if (tag === "equal") for (let at = 0; at < to - from; at++) rows.push(this.line("div", [from + at + 1, first + at + 1], " ", shown.lines[first + at], first + at + 1));
        else {
          for (let at = from; at < to; at++) rows.push(this.line("del", [at + 1, ""], "−", before.lines[at]));
          for (let at = first; at < last; at++) rows.push(this.line("ins", ["", at + 1], "+", shown.lines[at], at + 1));
          removed += to - from;
          added += last - first;
        }
        seen = last;
      }
    }
    gap(shown.lines.length - seen);
    const count = (number, word) => (number ? `${whole(number)} ${number === 1 ? "line" : "lines"} ${word}` : "");
    this.count.textContent = [count(added, "added"), count(removed, "removed")].filter(Boolean).join(", ");
    return rows;
  }

  // One line; `own` is its number in the version that is shown, if it is there.
  line(kind, numbers, sign, runs, own) {
    const flag = h("span", { class: "flag", "aria-hidden": "true" });
    const told = h("span", { class: "told" });
    const gutter = numbers.map((number) => h("span", { class: "number", "aria-hidden": "true" }, String(number)));
    const element = h(kind, { class: "line" }, flag, gutter, sign && h("span", { class: "sign" }, sign), h("span", { class: "text" }, runsOf(runs)), told);
    if (own) this.lines.set(own, { element, flag, told });
    return element;
  }

  // Only what is different is touched, so that a button that has the focus keeps it while a run goes on.
  mark() {
    const ran = this.versions[this.at].version === this.marks.version;
    const marks = new Map();
    for (const one of ran ? this.marks.marks : []) marks.set(one[0], [...(marks.get(one[0]) ?? []), one]);
    for (const [number, { element, flag, told }] of this.lines) {
      const here = marks.get(number) ?? [];
      const worst = worstOf(here);
      element.classList.toggle("hit", worst?.[2] === "bad");
      element.classList.toggle("warned", worst?.[2] === "warn");
      flag.textContent = worst?.[1] ?? "";
      flag.className = `flag ${worst?.[2] ?? ""}`;
      while (told.childElementCount > here.length) told.lastChild.remove();
      while (told.childElementCount < here.length) told.append(h("button", { type: "button", onclick: (event) => this.open(event.currentTarget.dataset.opens) }));
      here.forEach(([, sign, tone, words, tab], at) => {
        const button = told.children[at];
        button.className = `said ${tone}`;
        button.dataset.opens = tab;
        button.title = `Open ${tab}`;
        button.setAttribute("aria-label", `line ${number}: ${words}; open ${tab}`);
        if (button.textContent !== `${sign} ${words}`) button.textContent = `${sign} ${words}`;
      });
    }
    const found = [...marks.values()].map((here) => worstOf(here).slice(0, 3));
    if (JSON.stringify(found) === this.linked) return;
    this.linked = JSON.stringify(found);
    const links = found.slice(0, LINKS).map(([number, sign, tone]) => h("button", { type: "button", class: tone, "aria-label": `Go to line ${number}`, onclick: () => this.jump(number) }, `${sign} line ${number}`));
    this.links.replaceChildren(...links, ...(found.length > LINKS ? [`and ${found.length - LINKS} more`] : []));
  }

  // To a line of the version that ran.
  jump(number) {
    if (this.at || !this.lines.has(number)) this.choose(0, false);
    this.seek(number);
    this.lines.get(number)?.told.firstChild?.focus({ preventScroll: true });
  }

  seek(number) {
    const { element } = this.lines.get(number) ?? {};
    if (element) this.box.scrollTop = element.offsetTop - this.box.clientHeight / 2;
  }

  async copied() {
    const { version, lines } = this.versions[this.at];
    await copyText(`${textOf(lines)}\n`);
    this.say(`copied v${version}`);
  }
}

function sqlTab(cards, say) {
  const statement = ({ title, purpose, lines, notes, command }) => {
    const copy = h("button", { type: "button", class: "right", "aria-label": `Copy: ${title}`, onclick: () => copyText(textOf(lines)).then(() => say(`copied: ${title}`)) }, "Copy");
    const text = h("div", { class: "lines", tabindex: "0", role: "group", "aria-label": title }, h("div", { class: "all" }, lines.map((line) => h("div", { class: "line" }, h("span", { class: "text" }, runsOf(line))))));
    const more = [...notes, command && `without this panel: ${command}`].filter(Boolean);
    return h("section", { class: "statement", "aria-label": title }, h("div", { class: "tools" }, h("b", {}, title), h("span", { class: "dim" }, purpose), copy), text, more.length > 0 && h("ul", {}, more.map((note) => h("li", {}, note))));
  };
  const refused = ({ title, refused }) => h("p", { class: "refused" }, h("b", {}, `✕ ${title}`), ` does not take it: ${refused}`);
  return h("div", { class: "statements" }, cards.map((card) => (card.refused ? refused(card) : statement(card))));
}
