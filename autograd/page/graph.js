// The picture: a card for each node that is open, a box for each closed group, and the ways between
// them. It is built when groups open or close, and painted at every change: a painting sets texts,
// classes and widths and moves nothing but the labels of the ways.

const CARD = { height: 62, least: 132, most: 236, letter: 7.85, pad: 11, rule: 43, rows: [17, 36, 55] };
const MOST_PARALLEL = 8;
const MOST_OPEN = 220;
const WAY = { thinnest: 1.6, widest: 6.5 };

// What is drawn, from the groups that are open: [{node}] and [{group, nodes}], with the edges.
class Scene {
  constructor(graph, pass, opened) {
    const shut = pass.groups.map(() => -1);  // the closed group that hides a group, or -1
    pass.groups.forEach(({ parent }, g) => {
      const outer = parent < 0 ? -1 : shut[parent];
      shut[g] = outer >= 0 ? outer : opened.has(g) ? -1 : g;
    });
    this.boxes = [];
    this.boxOf = new Int32Array(graph.size);
    const closed = new Map();
    for (const i of readingOrder(graph)) {
      const group = shut[pass.home[i]];
      if (group >= 0 && closed.has(group)) {
        this.boxOf[i] = closed.get(group);
        this.boxes[this.boxOf[i]].nodes.push(i);
        continue;
      }
      this.boxOf[i] = this.boxes.length;
      if (group >= 0) closed.set(group, this.boxes.length);
      this.boxes.push(group >= 0 ? { group, nodes: [i] } : { node: i, nodes: [i] });
    }
    this.ways = this._ways(graph);
  }

  // A way for each edge, or one for all between a box and its neighbour.
  _ways(graph) {
    const found = new Map();
    // As one reads, for the layout begins with this order.
    const edges = readingOrder(graph).flatMap((i) => graph.edgesOf(i));
    for (const e of edges) {
      const from = this.boxOf[graph.operands[e]], to = this.boxOf[graph.consumer[e]];
      if (from === to) continue;
      const key = `${from} ${to}`;
      if (!found.has(key)) found.set(key, { from, to, edges: [] });
      found.get(key).edges.push(e);
    }
    return [...found.values()].flatMap((way) => {
      const isPlain = this.boxes[way.from].group === undefined && this.boxes[way.to].group === undefined;
      if (!isPlain || way.edges.length > MOST_PARALLEL) return [way];
      return way.edges.map((e) => ({ ...way, edges: [e] }));
    });
  }
}

// Operands before what is made of them, as the expression is written.
function readingOrder(graph) {
  const order = [], seen = new Uint8Array(graph.size), stack = [graph.root];
  while (stack.length) {
    const top = stack.pop();
    if (top < 0) { order.push(-1 - top); continue; }
    if (seen[top]) continue;
    seen[top] = 1;
    stack.push(-1 - top);
    for (let e = graph.starts[top + 1] - 1; e >= graph.starts[top]; e--) {
      if (graph.operands[e] >= 0 && !seen[graph.operands[e]]) stack.push(graph.operands[e]);
    }
  }
  return order;
}

// The head of a card: the name in bold, and what it was made of; a node that has no name of its own
// is called by that.
function heading(graph, i) {
  const name = graph.names[i], made = graph.made[i];
  return made && made !== name ? [name, ` = ${made}`] : [name, ""];
}

function cut(text, most) {
  if (columns(text) <= most) return text;
  const letters = [...text];
  while (letters.length && columns(letters.join("")) >= most) letters.pop();
  return `${letters.join("")}\u2026`;
}

// Wide letters take two places, those that stand over another none.
function columns(text) {
  let count = 0;
  for (const letter of text) {
    if (/\p{M}|\p{Cf}/u.test(letter)) continue;
    count += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u
      .test(letter) ? 2 : 1;
  }
  return count;
}

class Picture {
  constructor(app, svg) {
    this.app = app;
    this.svg = svg;
    this.opened = new Set(app.pass.open);
    this.ways = s("g", { class: "ways" });
    this.cards = s("g", { class: "cards" });
    this.labels = s("g", { class: "labels", "aria-hidden": "true" });
    svg.append(this.ways, this.cards, this.labels);
  }

  // Building -------------------------------------------------------------------------------------

  build(width, height) {
    const { graph, pass } = this.app;
    this.scene = new Scene(graph, pass, this.opened);
    this.parts = this.scene.boxes.map((box) => (box.group === undefined ? this._card(box) : this._box(box)));
    const sizes = this.parts.map(({ width: w }) => ({ width: w, height: CARD.height }));
    const edges = this.scene.ways.map(({ from, to }) => [from, to]);
    const tries = [["right", 90], ["down", 38]].map(([direction, room]) => layOut(sizes, edges, direction, room));
    const fits = tries.map((t) => Math.min(1, width / (t.width + 40), height / (t.height + 40)));
    // Where both would be small, the one that is to be scrolled one way only.
    const better = fits[1] > fits[0] || (Math.max(...fits) < 0.8 && width < 700) ? 1 : 0;
    this.isDown = better === 1;
    this._place(tries[better]);
    this.cards.replaceChildren(...this.parts.map((part) => part.element));
    this.ways.replaceChildren(...this.lines.map((line) => line.element));
    this.labels.replaceChildren(...this.lines.map((line) => line.label));
  }

  _card({ node }) {
    const { graph, pass } = this.app;
    const [name, made] = heading(graph, node);
    const most = Math.floor((CARD.most - 2 * CARD.pad) / CARD.letter) - (graph.isLeaf(node) ? 3 : 0);
    const shownName = cut(name, most), room = most - columns(shownName);
    const shownMade = columns(made) > room && room < 6 ? "" : cut(made, room);
    const texts = columns(shownName + shownMade) + (graph.isLeaf(node) ? 3 : 0);
    // Room for "2/3" between the caption and the gradient.
    const uses = graph.uses[node].length, least = CARD.least + (uses > 1 ? 2 + 14 * String(uses).length : 0);
    const width = Math.min(CARD.most, Math.max(least, texts * CARD.letter + 2 * CARD.pad));
    const kind = node === graph.root ? "root" : graph.isLeaf(node) ? "leaf" : "interior";
    const parts = this._frame(width, kind, `node-${node}`);
    const isOwn = graph.made[node] !== name;
    parts.head = s("text", { class: "head", x: CARD.pad, y: CARD.rows[0] },
      s("tspan", { class: isOwn ? "own" : "made" }, shownName),
      shownMade ? s("tspan", { class: "made" }, shownMade) : null);
    parts.data = s("text", { class: "data", x: width - CARD.pad, y: CARD.rows[1], "text-anchor": "end" });
    parts.grad = s("text", { class: "grad", x: width - CARD.pad, y: CARD.rows[2], "text-anchor": "end" });
    parts.note = s("text", { class: "note", x: CARD.pad + 34, y: CARD.rows[2] });
    // In the order of the accessible name, with spaces: who says what is written there is understood.
    const [data, grad] = [caption("data", CARD.rows[1]), caption("grad", CARD.rows[2])];
    parts.element.append(parts.head, " ", data, " ", parts.data, " ", grad, " ", parts.note, " ", parts.grad);
    if (graph.isLeaf(node) && !graph.fixed && !this.app.given.has(node)) {
      parts.dot = s("circle", { class: "dot", cx: width - CARD.pad - 3, cy: 13, r: 5, "aria-hidden": "true" });
      parts.element.append(parts.dot, s("rect", { class: "dot-target", x: width - 44, y: -6, width: 48, height: 32 }));
    }
    parts.element.dataset.node = node;
    parts.title = [shownName + shownMade, cut(pass.made_at?.[node] ?? "", 60)];
    return { ...parts, width, node };
  }

  _box({ group, nodes }) {
    const { pass } = this.app;
    const title = cut(pass.groups[group].title, 22);
    const width = Math.max(CARD.least + 20, columns(title) * CARD.letter + 2 * CARD.pad);
    const parts = this._frame(width, "closed", `group-${group}`);
    parts.element.insertBefore(s("rect", { class: "behind", x: 4, y: 4, width, height: CARD.height, rx: 9 }), parts.frame);
    const count = `${counted(nodes.length, "Value")}`;
    parts.grad = s("text", { class: "grad", x: width - CARD.pad, y: CARD.rows[2], "text-anchor": "end" });
    parts.element.append(
      s("text", { class: "head", x: CARD.pad, y: CARD.rows[0] }, s("tspan", { class: "own" }, title)), " ",
      caption(count, CARD.rows[1]), " ", caption("\u03a3 grad", CARD.rows[2]), " ", parts.grad);
    parts.element.dataset.group = group;
    return { ...parts, width, group, nodes, title: [title, count] };
  }

  _frame(width, kind, id) {
    const frame = s("rect", { class: "frame", width, height: CARD.height, rx: 9 });
    // Below the line the gradient stands on a tint of its sign.
    const tint = s("path", {
      class: "tint",
      d: `M1,${CARD.rule}H${width - 1}V${CARD.height - 9}a8,8 0 0 1 -8,8H9a8,8 0 0 1 -8,-8Z`,
    });
    const line = s("path", { class: "rule", d: `M1,${CARD.rule}H${width - 1}` });
    const element = s("g", { class: `card ${kind}`, id, tabindex: "0", role: "button" }, frame, tint, line);
    return { element, frame, tint };
  }

  _place({ corners, ways, width, height }) {
    const margin = 20;
    this.size = [width + 2 * margin, height + 2 * margin];
    this.parts.forEach((part, k) => {
      part.at = corners[k].map((x) => x + margin);
      part.element.setAttribute("transform", `translate(${part.at.map(round1).join(",")})`);
    });
    this.lines = ways.map((points, k) => {
      const moved = points.map((point) => point.map((x) => x + margin));
      const path = s("path", { class: "line", d: this._curve(moved) });
      const head = s("path", { class: "arrow", d: this._arrow(moved[moved.length - 1]) });
      const text = s("text", { "text-anchor": "middle" });
      const back = s("rect", { class: "halo", rx: 4 });
      return {
        ...this.scene.ways[k], points: moved, path, head, text, back,
        element: s("g", { class: "way" }, path, head), label: s("g", { class: "label" }, back, text),
      };
    });
    this.svg.setAttribute("viewBox", `0 0 ${round1(this.size[0])} ${round1(this.size[1])}`);
  }

  _controls([x, y], [u, v]) {
    return this.isDown ? [[x, (y + v) / 2], [u, (y + v) / 2]] : [[(x + u) / 2, y], [(x + u) / 2, v]];
  }

  _curve(points) {
    const text = ([x, y]) => `${round1(x)},${round1(y)}`;
    return points.slice(1).reduce((path, to, k) => {
      const [first, second] = this._controls(points[k], to);
      return `${path}C${text(first)} ${text(second)} ${text(to)}`;
    }, `M${text(points[0])}`);
  }

  _arrow([x, y]) {
    const [a, b] = this.isDown ? [`${-4},${-8}`, `${8},0`] : [`${-8},${-4}`, `0,8`];
    return `M${round1(x)},${round1(y)}l${a}l${b}Z`;
  }

  // The point of a way so far along its k-th piece.
  _pointOn(points, k, t) {
    const [p, q] = [points[k], points[k + 1]];
    const [c, d] = this._controls(p, q);
    const u = 1 - t;
    return [0, 1].map((n) => u * u * u * p[n] + 3 * u * u * t * c[n] + 3 * u * t * t * d[n] + t * t * t * q[n]);
  }

  // Painting -------------------------------------------------------------------------------------

  // moment: what can be seen now: ``grad(i)`` a number, null before anything has come, undefined
  // where it is hidden; ``note(i)``; ``sent(e)`` what an edge has carried, or null; ``local(e)``
  // whether its derivative is shown; ``now`` a node, and ``active`` edges, to draw the eye to.
  paint(moment) {
    const { graph, chosen } = this.app;
    for (const part of this.parts) {
      if (part.group !== undefined) this._paintBox(part, moment);
      else this._paintCard(part, moment, graph, chosen);
    }
    const sums = this.lines.map(({ edges }) => {
      const known = edges.map((e) => moment.sent(e)).filter((x) => x !== null);
      return known.length ? known.reduce((a, b) => a + b, 0) : null;
    });
    const largest = Math.max(...sums.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)), 0);
    this.lines.forEach((line, k) => this._paintWay(line, sums[k], largest, moment));
    this._putLabels();
  }

  _paintCard(part, moment, graph, chosen) {
    const i = part.node, grad = moment.grad(i);
    const gradText = grad === undefined ? "?" : grad === null ? DASH : short(grad, true);
    const dataText = moment.data ? moment.data(i) : short(graph.data[i]);
    setText(part.data, dataText);
    setText(part.grad, gradText);
    setText(part.note, moment.note(i));
    setSign(part.element, grad === undefined ? null : grad);
    const classes = part.element.classList;
    classes.toggle("now", moment.now === i);
    classes.toggle("chosen", chosen === i);
    classes.toggle("moves", this.app.moving.has(i));
    const note = moment.note(i);
    setLabel(part.element, `${part.title[0]} data ${dataText} grad ${note && `${note} `}${gradText}`);
    if (moment.now === i) part.element.setAttribute("aria-current", "step");
    else part.element.removeAttribute("aria-current");
  }

  _paintBox(part, moment) {
    const grads = part.nodes.map((i) => moment.grad(i));
    const isHidden = grads.includes(undefined);
    const known = grads.filter((x) => x !== null && x !== undefined);
    const sum = known.length && !isHidden ? known.reduce((a, b) => a + b, 0) : null;
    const text = isHidden ? "?" : sum === null ? DASH : short(sum, true);
    setText(part.grad, text);
    setSign(part.element, sum);
    part.element.classList.toggle("now", part.nodes.includes(moment.now));
    setLabel(part.element, `${part.title.join(" ")} \u03a3 grad ${text}`);
  }

  _paintWay(line, sum, largest, moment) {
    const { graph } = this.app;
    const [edge] = line.edges, isOne = line.edges.length === 1;
    setSign(line.element, sum);
    const isActive = line.edges.some((e) => moment.active?.has(e));
    line.element.classList.toggle("active", isActive);
    const share = sum === null || !largest ? 0 : Number.isFinite(sum) ? Math.abs(sum) / largest : 1;
    const width = WAY.thinnest + (WAY.widest - WAY.thinnest) * share;
    line.path.setAttribute("stroke-width", round1(Math.max(width, isActive ? 3 : 0)));
    const ordinal = isOne && graph.kindOf(graph.consumer[edge]).ordered && this.app.ordinals
      ? ["1st ", "2nd ", "3rd "][graph.position(edge)] ?? "" : "";
    const partial = isOne && moment.local(edge) ? (graph.passes(edge) ? short(graph.partials[edge]) : "0") : "";
    const text = isOne ? `${ordinal}${partial}` : `${line.edges.length.toLocaleString("en")}\u00d7`;
    setText(line.text, text.trim());
    line.label.classList.toggle("active", isActive);
  }

  // Each label on its way where nothing else stands; a place further on if the first is taken.
  _putLabels() {
    const taken = this.parts.map(({ at: [x, y], width }) => [x - 2, y - 2, x + width + 2, y + CARD.height + 2]);
    const isFree = (box) => taken.every((o) => box[0] >= o[2] || box[2] <= o[0] || box[1] >= o[3] || box[3] <= o[1]);
    for (const line of this.lines) {
      const text = line.text.textContent;
      line.label.classList.toggle("gone", !text);
      if (!text) continue;
      const [w, hgt] = [columns(text) * 7.3 + 8, 17];
      const found = placesOn(line.points.length - 1).map(([k, t]) => {
        const [x, y] = this._pointOn(line.points, k, t);
        return [x - w / 2, y - hgt / 2, x + w / 2, y + hgt / 2];
      }).find(isFree);
      line.label.classList.toggle("gone", !found);
      if (!found) continue;
      taken.push(found);
      setBox(line, found);
    }
  }

  // Where it is ----------------------------------------------------------------------------------

  // The element of a node: its card, or the closed box that hides it.
  elementOf(node) { return this.parts[this.scene.boxOf[node]].element; }

  isOpen(node) { return this.parts[this.scene.boxOf[node]].node === node; }

  // Opens a group; says what there is to say instead if that would be too much to read.
  open(group) {
    const more = new Set(this.opened).add(group);
    const count = this.count(more);
    if (count > MOST_OPEN) {
      return `${this.app.pass.groups[group].title} has too many parts to be drawn: ${counted(count, "card")}.`;
    }
    this.opened = more;
    return "";
  }

  // How many boxes there are with these groups open.
  count(opened = this.opened) { return new Scene(this.app.graph, this.app.pass, opened).boxes.length; }

  close(group) { this.opened.delete(group); }

  // Opens all that hides a node.
  reach(node) {
    for (let g = this.app.pass.home[node]; g >= 0; g = this.app.pass.groups[g].parent) this.opened.add(g);
  }
}

function caption(text, y) { return s("text", { class: "caption", x: CARD.pad, y }, text); }

function round1(x) { return Math.round(x * 10) / 10; }

// Near the operand first, as the derivative is by it, then anywhere.
function placesOn(pieces) {
  const shares = [0.42, 0.55, 0.3, 0.68, 0.8, 0.2];
  const places = [];
  for (let k = 0; k < pieces; k += 2) places.push(...shares.map((t) => [k, t]));
  return places;
}

function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

function setLabel(element, text) {
  if (element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
}

function setSign(element, x) {
  const name = signName(x);
  if (element.dataset.sign !== name) element.dataset.sign = name;
}

function setBox({ back, text }, [left, top, right, bottom]) {
  back.setAttribute("x", round1(left));
  back.setAttribute("y", round1(top));
  back.setAttribute("width", round1(right - left));
  back.setAttribute("height", round1(bottom - top));
  text.setAttribute("x", round1((left + right) / 2));
  text.setAttribute("y", round1(bottom - 4.5));
}
