"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const SIGN = { imagined: "◇", real: "◆" }, WORD = { imagined: "IMAGINED", real: "RAN" };
  const BASIS = { f: "•", c: "?", o: "°" };
  const [EVENT, FILE, FUNCTION, LINE, DEPTH, SOURCE, STATE, BEFORE, VALUE, CALLER, BASES] = [...Array(11).keys()];
  const sides = Object.keys(data.traces), text = (number) => data.strings[number];
  const differing = new Set(data.differing);
  let now = 0, shownFile = null;

  function make(tag, className, content) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (content !== undefined) element.textContent = content;
    return element;
  }

  function locals(state) {
    const flat = data.states[state], found = new Map();
    for (let n = 0; n < flat.length; n += 2) found.set(text(flat[n]), text(flat[n + 1]));
    return found;
  }

  // The frame of a side at a position, or the last one before it.
  function frameAt(side, position) {
    const column = sides.length === 1 ? (side === "real" ? 1 : 0) : side === "imagined" ? 0 : 1;
    for (let n = position; n >= 0; n--) {
      const number = data.rows[n][column];
      if (number >= 0) return { number, frame: data.traces[side].frames[number], here: n === position };
    }
    return null;
  }

  function heads() {
    for (const side of sides) {
      const item = make("li");
      item.append(make("b", side, `${SIGN[side]} ${WORD[side]}`));
      const frames = data.traces[side].frames.length.toLocaleString("en");
      item.append(make("span", "quiet", `  ${frames} frame${frames === "1" ? "" : "s"} · `), data.traces[side].ending);
      at("heads").append(item);
    }
    if (data.exact !== null) {
      at("sentence").append(make("b", data.exact ? "real" : "bad", data.exact ? "✓ " : data.divergence < 0 ? "… " : "≠ "), data.sentence);
      at("scores").textContent = data.scores;
    }
    at("legend").textContent = "◆ ran: it happened in the sandbox   ◇ imagined: a world model's guess, nothing was run   + new   → changed   − gone" +
      (data.bases.length ? "   • told by the source   ? chosen by the model   ° the model's own" : "");
  }

  function showFile(name) {
    if (name === shownFile) return;
    shownFile = name;
    at("file").textContent = name || "source";
    const list = at("lines");
    list.replaceChildren();
    let last = 0;
    for (const [number, pieces] of data.files[name] || []) {
      if (last && number > last + 1) list.append(make("li", "gap", "⋯"));
      const item = make("li");
      item.dataset.line = number;
      item.append(make("span", "marks"), make("span", "number", number));
      const code = make("span", "text");
      for (const [words, role] of pieces) code.append(role ? make("span", role, words) : words);
      item.append(code);
      list.append(item);
      last = number;
    }
  }

  function mark(found) {
    for (const item of at("lines").querySelectorAll("li.here")) {
      item.classList.remove("here");
      item.firstChild.replaceChildren();
      item.removeAttribute("aria-current");
    }
    let first = null;
    for (const { side, frame } of found) {
      const item = frame[LINE] && text(frame[FILE]) === shownFile ? at("lines").querySelector(`li[data-line="${frame[LINE]}"]`) : null;
      if (!item) continue;
      item.classList.add("here");
      item.setAttribute("aria-current", "step");
      item.firstChild.append(make("span", side, SIGN[side]));
      first = first || item;
    }
    if (first) {
      const list = at("lines"), top = first.offsetTop - list.offsetTop;
      if (top < list.scrollTop + 40 || top > list.scrollTop + list.clientHeight - 60) list.scrollTop = top - list.clientHeight / 3;
    }
  }

  const basisOf = (frame, name) => {
    const basis = frame[BASES] < 0 ? null : data.bases[frame[BASES]][name];
    return basis ? make("sup", "", BASIS[basis]) : "";
  };

  function eventLine(frame) {
    const line = make("p", "event");
    const kind = ["call", "line", "return", "exception"][frame[EVENT]];
    if (kind === "return") line.append("↩ returns ", make("b", "", frame[VALUE] < 0 ? "None" : text(frame[VALUE])), basisOf(frame, "<value>"));
    else if (kind === "exception") line.append(make("b", "bad", `✗ raises ${text(frame[VALUE])}`), basisOf(frame, "<value>"));
    else line.append(make("span", "quiet", kind === "call" ? "calls " : "next: "), text(frame[SOURCE]).trim(), basisOf(frame, "<line>"));
    return line;
  }

  // Addresses differ from run to run, and mean nothing.
  const settled = (value) => value && value.replace(/\b0x[0-9a-fA-F…]+/g, "0x…");

  function table(frame, other) {
    const before = locals(frame[BEFORE]), after = locals(frame[STATE]), theirs = other ? locals(other[STATE]) : null;
    const list = make("table"), fresh = frame[EVENT] === 0;
    for (const name of new Set([...after.keys(), ...before.keys()])) {
      const old = before.get(name), value = after.get(name);
      const kind = value === undefined ? "gone" : fresh ? "" : old === undefined ? "new" : old !== value ? "changed" : "";
      const row = make("tr", kind);
      if (theirs && settled(theirs.get(name)) !== settled(value)) row.classList.add("unlike");
      const head = make("th", "", name);
      head.scope = "row";
      head.append(basisOf(frame, name));
      row.append(make("td", "mark", { new: "+", changed: "→", gone: "−" }[kind] || ""), head);
      const cell = make("td", "value");
      cell.append(make("span", "now", value === undefined ? "gone" : value));
      if (kind === "changed") cell.append(make("span", "before", `   was ${old}`));
      row.append(cell);
      list.append(row);
    }
    return list;
  }

  function stack(side, frame) {
    const list = make("ol", "stack"), frames = data.traces[side].frames;
    let each = frame, shown = 0;
    for (; each && shown < 30; each = frames[each[CALLER]], shown++) {
      list.append(make("li", "", `${text(each[FUNCTION]) || "?"}  ${each[LINE] ? "line " + each[LINE] : ""}`));
    }
    if (each) list.append(make("li", "", `and ${each[DEPTH] + 1} more`));
    return list;
  }

  function side(name, found, other) {
    const box = make("section", `state ${name}-side`);
    box.setAttribute("aria-label", `State, ${name}`);
    const head = make("h2");
    head.append(make("b", name, `${SIGN[name]} ${WORD[name]}`), found ? `  frame ${found.number}` : "");
    box.append(head);
    if (!found) {
      box.append(make("p", "quiet", "No frame yet."));
      return box;
    }
    if (!found.here) {
      box.classList.add("absent");
      head.append("  has no such frame; the last one before it:");
    }
    box.append(eventLine(found.frame), table(found.frame, other && other.here && found.here ? other.frame : null), make("h3", "", "Call stack"), stack(name, found.frame));
    return box;
  }

  function show(position) {
    if (!data.rows.length) return;
    now = Math.max(0, Math.min(data.rows.length - 1, position));
    const found = sides.map((name) => ({ name, found: frameAt(name, now) }));
    const lead = [...found].reverse().find((each) => each.found && each.found.here) || found[0];
    showFile(text(lead.found.frame[FILE]));
    mark(found.filter((each) => each.found && each.found.here).map((each) => ({ side: each.name, frame: each.found.frame })));
    at("states").replaceChildren(...found.map((each, n) => side(each.name, each.found, found.length > 1 ? found[1 - n].found : null)));
    at("slider").value = now;
    const where = `${now + 1} of ${data.rows.length.toLocaleString("en")}`;
    at("slider").setAttribute("aria-valuetext", `frame ${where}`);
    at("place").textContent = where + (differing.has(now) ? "  ≠ differ" : "");
    strip();
  }

  function strip() {
    const canvas = at("strip"), width = (canvas.width = canvas.clientWidth || 1), height = (canvas.height = 5);
    const paint = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    if (!paint) return;
    const step = width / Math.max(1, data.rows.length);
    paint.fillStyle = style.getPropertyValue("--bad");
    for (const n of data.differing) paint.fillRect(n * step, 0, Math.max(1, step), height);
    paint.fillStyle = style.getPropertyValue("--lead");
    paint.fillRect(now * step, 0, Math.max(2, step), height);
  }

  const jump = () => data.divergence >= 0 && show(data.divergence);
  const KEYS = {
    ArrowLeft: () => show(now - 1), ArrowRight: () => show(now + 1), PageUp: () => show(now - 20), PageDown: () => show(now + 20),
    Home: () => show(0), End: () => show(data.rows.length - 1), d: jump,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  at("slider").max = Math.max(0, data.rows.length - 1);
  at("slider").addEventListener("input", (event) => show(Number(event.target.value)));
  at("back").addEventListener("click", () => show(now - 1));
  at("on").addEventListener("click", () => show(now + 1));
  at("jump").addEventListener("click", jump);
  at("jump").hidden = data.divergence < 0;
  document.body.classList.toggle("two", sides.length > 1);
  addEventListener("resize", strip);
  heads();
  show(0);
})();
