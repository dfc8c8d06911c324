// Nudge: the lecture's definition of a derivative, tried. A move of the chosen node, what the slope
// promises of it, and what it gives; the curve in a window that is always as wide in moves, so that
// a shorter one zooms in. What is said of it comes from the rows of nudge.py.

const MOVES = [-9, -8, -7, -6, -5, -4, -3, -2, -1].flatMap((power) => [1, 2, 3, 5, 7].map((x) => Number(`${x}e${power}`)))
  .concat([1, 2, 3]);
const TABLE_OF_MOVES = [1, 0.1, 0.01, 0.001];
const LONGEST_BRIEF = 8;
const NUDGE = { place: MOVES.indexOf(0.5), sign: 1 };

// What depends on nodes ----------------------------------------------------------------------------

// The graph above some nodes, as a function of their numbers; nothing in the graph is changed.
class Above {
  constructor(graph, nodes) {
    this.graph = graph;
    this.nodes = nodes;
    this.places = [...new Set(nodes.flatMap((node) => graph.dependents(node)))].sort((a, b) => a - b);
    this.moving = new Set([...nodes, ...this.places]);
    this._data = new Float64Array(graph.size);
  }

  // One of these is asked again and again.
  static of(graph, ...nodes) {
    const key = nodes.join();
    if (Above.last?.key !== key || Above.last.graph !== graph) Above.last = Object.assign(new Above(graph, nodes), { key });
    return Above.last;
  }

  // All numbers if those of the nodes were these; the next call writes into the same array.
  data(...numbers) {
    const data = this._data;
    data.set(this.graph.data);
    this.nodes.forEach((node, k) => { data[node] = numbers[k]; });
    for (const i of this.places) data[i] = this.graph._compute(i, data);
    return data;
  }

  root(...numbers) { return this.data(...numbers)[this.graph.root]; }

  // The operands of a node that move.
  movingEdges(i) { return this.graph.edgesOf(i).filter((e) => this.moving.has(this.graph.operands[e])); }

  // The derivative of the root by the one node where it is x, forward.
  slope(x) {
    const { graph, nodes: [node] } = this, data = this.data(x), slopes = new Map([[node, 1]]);
    for (const i of this.places) {
      const xs = graph.inputs(i, data);
      const sent = this.movingEdges(i).map((e) => [slopes.get(graph.operands[e]), e]).filter(([slope]) => slope !== 0)
        .map(([slope, e]) => slope * localSlope(graph, e, data[i], xs));
      slopes.set(i, sent.reduce((a, b) => a + b, 0));
    }
    return slopes.get(graph.root) ?? 0;
  }
}

// The local derivative along an edge, where its consumer has these numbers.
function localSlope(graph, edge, z, xs) {
  const kind = graph.kindOf(graph.consumer[edge]), k = graph.position(edge);
  const slope = kind.slopes[kind.variadic ? 0 : k];
  if (slope === null) return 0;
  return kind.variadic ? slope(z, xs[k], ...kind.shared.map((value) => value(...xs))) : slope(z, ...xs);
}

// What a root does when a node moves ---------------------------------------------------------------

// As nudge.py has it, so that both say the same.
const NOISE = { safety: 4, epsilon: 2 ** -52, least: 5e-324 };
const FAR_MOVES = [1, -1, 1000, -1000];
const BESIDE = 1e-6;

class Experiment {
  constructor(graph, node) {
    this.graph = graph;
    this.node = node;
    this.above = Above.of(graph, node);
    this.x = graph.data[node];
    this.slope = graph.grads[node];
    this.before = this.above.root(this.x);  // by the same operations as what it is compared with
    this._rounding = this._roundingAt(this.x);
  }

  // What comes of one move.
  measure(by) {
    const { x, before, slope } = this, moved = x + by, move = moved - x;  // what the addition has made of it
    const after = this.above.root(moved), measured = after - before, promised = slope * move;
    const [gap, change, size] = [measured - promised, measured, promised].map(Math.abs);
    return { x, moved, move, before, after, slope, measured, promised, gap, change, size };
  }

  // All that is known of it: see QUANTITIES in nudge.py.
  move(by) {
    const measured = this.measure(by);
    return { ...measured, noise: this._noise(measured.moved), ...this._around() };
  }

  // What does not depend on the move.
  _around() {
    this._known ??= {
      ...this._besides(), stopped: Number(this._isStopped()),
      linear: Number(this._isLinear() && FAR_MOVES.every((far) => this._keeps(far))),
    };
    return this._known;
  }

  // The slopes at the floats next to a kink, and by how much the root differs between these.
  _besides() {
    const { x } = this;
    if (!this._isKinked()) return { below: this.slope, above: this.slope, turn: 0, apart: 0, drift: 0, steepest: 0, leap: 0, kinked: 0 };
    const low = nextFloat(x, -1), high = nextFloat(x, 1);
    const below = this.above.slope(low), above = this.above.slope(high);
    const steepest = Math.max(Math.abs(below), Math.abs(above));
    const leap = Math.abs(this.above.root(high) - this.above.root(low)) - 2 * steepest * (high - low);
    const beside = BESIDE * Math.max(1, Math.abs(x));
    const drift = Math.max(Math.abs(this.above.slope(x - beside) - below), Math.abs(this.above.slope(x + beside) - above));
    return { below, above, turn: Math.abs(above - below), apart: Math.abs(above - this.slope), drift, steepest, leap, kinked: 1 };
  }

  // How far the root may be off there because every number has been rounded.
  _roundingAt(x) {
    const { graph, above } = this, data = above.data(x), { epsilon, least } = NOISE;
    let total = Math.max(epsilon * Math.abs(data[graph.root]), least);
    for (const i of above.places) {
      const error = Math.max(0.5 * epsilon * Math.abs(data[i]), least) * graph.grads[i];
      if (Number.isFinite(error)) total = Math.hypot(total, error);
    }
    return total;
  }

  _noise(moved) {
    const ofSlope = Math.abs(this.slope * (moved - this.x)) * NOISE.epsilon;
    return NOISE.safety * (this._rounding + this._roundingAt(moved) + ofSlope);
  }

  // Whether what the slope promises comes, that far away.
  _keeps(far) {
    const moved = this.x + far * Math.max(1, Math.abs(this.x));
    const measured = this.above.root(moved) - this.before, promised = this.slope * (moved - this.x);
    const noise = this._noise(moved), isTold = (measured === 0 && promised === 0) || noise < 0.1 * Math.abs(promised);
    return isTold && Math.abs(measured - promised) <= noise;
  }

  // Whether an operation on the way has a kink, or jumps, just here.
  _isKinked() {
    const { graph, above } = this;
    return above.places.some((i) => graph.kindOf(i).kinks.length > 0 && above.movingEdges(i).some((e) => hasKink(graph, e)));
  }

  // Whether the root moves otherwise than the slope says, through what stops slopes.
  _isStopped() {
    const { graph, above, x, slope } = this;
    const stops = (kind) => !kind.kinks.length && !kind.passes.includes(true);
    if (!above.places.some((i) => stops(graph.kindOf(i)))) return false;
    const [right, left] = [1, -1].map((sign) => x + sign * BESIDE * Math.max(1, Math.abs(x)));
    const measured = above.root(right) - above.root(left), promised = slope * (right - left);
    const slack = 1e-3 * Math.max(Math.abs(measured), Math.abs(promised)) + 2 * this._noise(right);
    return Math.abs(measured - promised) > slack;
  }

  // Whether the rows say that the root is linear in the node, over all numbers: no slope on the way
  // depends on what moves.
  _isLinear() {
    const { graph, above } = this;
    return above.places.every((i) => above.movingEdges(i).every((e) => {
      const kind = graph.kindOf(i), places = BENDS[kind.name][kind.variadic ? 0 : graph.position(e)];
      const moves = (k) => above.moving.has(graph.operands[graph.starts[i] + k]);
      return places !== null && places !== "all" && !places.some(moves);
    }));
  }
}

// Whether a row has another number or slope on both sides of an operand.
function hasKink(graph, edge) {
  const i = graph.consumer[edge], kind = graph.kindOf(i), k = graph.position(edge);
  const sides = [-1, 1].map((direction) => {
    const xs = graph.inputs(i);
    xs[k] = nextFloat(xs[k], direction);
    return xs;
  });
  const [below, above] = sides.map((xs) => kind.value(...xs));
  if (!kind.passes.includes(true)) return below !== above;
  const [a, b] = [below, above].map((z, side) => localSlope(graph, edge, z, sides[side]));
  const larger = Math.max(Math.abs(a), Math.abs(b));
  return Math.abs(a - b) > 0.25 * larger && larger > 1e-300;
}

const BITS = new DataView(new ArrayBuffer(8));

// The float next to a finite one, up or down.
function nextFloat(x, direction) {
  if (x === 0) return direction * NOISE.least;
  BITS.setFloat64(0, x);
  BITS.setBigInt64(0, BITS.getBigInt64(0) + (x > 0 === direction > 0 ? 1n : -1n));
  return BITS.getFloat64(0);
}

// What is seen of it ------------------------------------------------------------------------------

const PLOT = { width: 340, height: 190, half: 1.45, points: 81, work: 20000 };

// With five digits, so that 0.00029324 and 0.00029415 are two; and what is left between two with two.
function five(x) { return toDigits(x, 5); }

function two(x) { return toDigits(x, 2); }

function toDigits(x, digits) {
  if (!Number.isFinite(x)) return plain(x);
  return (x < 0 ? "-" : "") + general(x, digits).replace(/e([+-])0*/, (all, sign) => `e${sign === "-" ? sign : ""}`);
}

function percent(part) { return `${Number((100 * part).toPrecision(Math.abs(part) > 0.99 ? 3 : 2))} %`; }

// A name where there is little room; else x and y, as in the lecture's dy = \u03b1 dx.
function brief(name, letter) { return [...atom(name)].length > LONGEST_BRIEF ? letter : atom(name); }

PANELS.push({
  id: "nudge",
  title: "Nudge",
  modes: ["explore"],
  isNeeded: (app) => !app.graph.fixed && app.chosen !== app.graph.root,
  build(app, body) {
    const slide = (place) => { NUDGE.place = place; app.paintSoon(); };
    const turn = () => { NUDGE.sign = -NUDGE.sign; app.paintSoon(); };
    this.told = h("p", { class: "told" });
    this.plot = new Plot();
    this.slider = h("input", {
      type: "range", id: "nudge-by", min: 0, max: MOVES.length - 1, step: 1,
      oninput: (event) => slide(Number(event.target.value)),
    });
    this.sign = h("button", { type: "button", id: "nudge-sign", onclick: turn, title: "Move the other way" }, "\u00b1");
    this.label = h("label", { for: "nudge-by", class: "code" });
    // The slider says it too: an output would be read a second time.
    this.size = h("span", { class: "number size", "aria-hidden": "true" });
    this.verdict = h("p", { class: "verdict" });
    this.table = h("table", { class: "moves" });
    body.append(this.told, this.plot.svg, h("div", { class: "slide" }, this.label, this.slider, this.size, this.sign),
      this.verdict, this.table);
  },
  paint(app) {
    const { graph, chosen } = app, by = NUDGE.sign * MOVES[NUDGE.place];
    const names = { node: graph.names[chosen], root: graph.names[graph.root] };
    const experiment = new Experiment(graph, chosen), nudge = experiment.move(by);
    const letters = { x: brief(names.node, "x"), y: brief(names.root, "y") };
    const about = { names, letters, by: `\u0394${letters.x}`, of: `\u0394${letters.y}` };
    this.label.textContent = about.by;
    this.slider.value = NUDGE.place;
    this.slider.setAttribute("aria-valuetext", `${about.by} = ${five(by)}`);
    this.sign.setAttribute("aria-label", `\u00b1 ${NUDGE.sign > 0 ? "move down" : "move up"} instead`);
    this.size.textContent = five(by);
    const row = tellNudge(nudge), isSeen = !UNSEEN.includes(row?.name), bends = bendsBetween(experiment, nudge, by);
    this.told.replaceChildren(...(isSeen ? tellMove(nudge, by, about) : []));
    this.verdict.replaceChildren(...phrases([bends && !row?.of_all ? bends : row], nudge, names));
    this.plot.paint(experiment, nudge, by, about);
    this.table.replaceChildren(...tableOfMoves(experiment, by, about));
  },
});

// "dw = 0.5 should give a dw = -0.25; it gives dL = -0.2, 0.05 off."
function tellMove({ measured, promised, gap }, by, about) {
  const { names, letters } = about;
  const whose = (name, letter) => (letter === atom(name) ? [] : [" of ", code(name)]);
  const parts = [code(`${about.by} = ${five(by)}`), ...whose(names.node, letters.x), " "];
  if (Number.isFinite(promised)) {
    parts.push("should give ", code(`\u03b1\u00b7${about.by}`), " = ", numeral(promised, five(promised)), "; it ");
  }
  parts.push("gives ", code(about.of), " = ", numeral(measured, five(measured), "quiet measured"), ...whose(names.root, letters.y));
  if (Number.isFinite(gap)) parts.push(", ", h("span", { class: "number gap" }, two(gap)), " off");
  return [...parts, ". Here \u03b1 is ", code(derivativeText(names.root, names.node)), "."];
}

// The row that compares a move with one of a tenth, if it is true.
function bendsBetween(experiment, nudge, by) {
  return tellSeries({ longer: nudge.gap, shorter: experiment.measure(by / 10).gap, noise: nudge.noise });
}

// Rows as sentences, with names and numbers as code.
function phrases(rows, nudge, names) {
  const words = { ...names, asked: derivativeText(names.root, names.node), percent: percent(nudge.gap / nudge.size) };
  const word = (key) => (Object.hasOwn(nudge, key) ? five(nudge[key]) : words[key]);
  return rows.filter(Boolean).flatMap(({ says }) => {
    const parts = says.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? code(word(part)) : part));
    return [typeof parts[0] === "string" ? parts[0].replace(/^./, (x) => x.toUpperCase()) : parts[0], ...parts.slice(1), ". "];
  });
}

function tableOfMoves(experiment, by, about) {
  const head = [about.by, about.of, `\u03b1\u00b7${about.by}`, "off by"];
  const rows = TABLE_OF_MOVES.map((size) => {
    const nudge = experiment.measure(NUDGE.sign * size), isSeen = !UNSEEN.includes(tellNudge(nudge)?.name);
    const [measured, promised, gap] = [five(nudge.measured), five(nudge.promised), two(nudge.gap)].map((text) => (isSeen ? text : DASH));
    const isNow = NUDGE.sign * size === by;
    return h("tr", { class: isNow ? "now" : null, "aria-current": isNow ? "true" : null },
      h("th", { scope: "row" }, five(NUDGE.sign * size)), h("td", {}, measured), h("td", {}, promised),
      h("td", { class: "gap" }, gap));
  });
  return [h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows)];
}

// The curve around the point, and its tangent.
class Plot {
  constructor() {
    const { width, height } = PLOT;
    this.svg = s("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img" });
    this.axes = s("path", { class: "axes", d: `M0,${height / 2}H${width}M${width / 2},0V${height}` });
    const line = (kind) => s("path", { class: kind });
    this.parts = {
      run: line("run"), rise: line("rise"), gap: line("gap"), tangent: line("tangent"), curve: line("curve"),
      at: s("circle", { class: "point", r: 5, cx: width / 2, cy: height / 2 }), to: s("circle", { class: "point", r: 5 }),
    };
    this.names = { x: s("text", { x: width - 4, "text-anchor": "end" }), y: s("text", { x: width / 2 + 6, y: 13 }), by: s("text", { "text-anchor": "middle", class: "by" }) };
    this.svg.append(this.axes, ...Object.values(this.parts), ...Object.values(this.names));
  }

  paint(experiment, { x, before, slope, measured, promised }, by, { names, letters, by: dx }) {
    const { width, height, half } = PLOT, { above } = experiment;
    const far = half * Math.abs(by);
    const tall = half * [promised, measured].reduce((most, y) => (Number.isFinite(y) ? Math.max(most, Math.abs(y)) : most), 0) || 1;
    const toX = (dx) => round1(width / 2 * (1 + dx / far));
    const toY = (dy) => round1(height / 2 * (1 - Math.max(-3, Math.min(3, dy / tall))));
    // Fewer points for a graph of which much has to be computed for each.
    const count = Math.max(12, Math.min(PLOT.points, Math.floor(PLOT.work / (above.places.length + 1))));
    const moves = Array.from({ length: count }, (_, k) => far * (2 * k / (count - 1) - 1));
    const heights = moves.map((dx) => above.root(x + dx) - before);
    const isSeen = Number.isFinite(before) && Number.isFinite(x);
    const { run, rise, gap, tangent, curve, at, to } = this.parts;
    curve.setAttribute("d", isSeen ? pathThrough(moves, heights, toX, toY) : "");
    const hasTangent = isSeen && Number.isFinite(slope);
    tangent.setAttribute("d", hasTangent ? `M0,${toY(-slope * far)}L${width},${toY(slope * far)}` : "");
    const [left, right, level] = [toX(0), toX(by), toY(0)];
    const ends = { promised: toY(promised), measured: toY(measured) };
    run.setAttribute("d", isSeen ? `M${left},${level}H${right}` : "");
    rise.setAttribute("d", hasTangent ? `M${right},${level}V${ends.promised}` : "");
    gap.setAttribute("d", hasTangent && Number.isFinite(measured) ? `M${right},${ends.promised}V${ends.measured}` : "");
    setSign(rise, promised);
    at.classList.toggle("gone", !isSeen);
    to.classList.toggle("gone", !isSeen || !Number.isFinite(measured));
    to.setAttribute("cx", right);
    if (Number.isFinite(measured)) to.setAttribute("cy", ends.measured);
    const isUp = promised > 0;
    setText(this.names.x, letters.x);
    this.names.x.setAttribute("y", measured < 0 ? level - 7 : level + 15);
    setText(this.names.y, letters.y);
    setText(this.names.by, isSeen ? dx : "");
    this.names.by.setAttribute("x", (left + right) / 2);
    this.names.by.setAttribute("y", isUp ? level + 16 : level - 8);
    setLabel(this.svg, `${names.root} over ${names.node}: the curve and its tangent, from ${five(x - far)} to ${five(x + far)}`);
  }
}

function pathThrough(xs, ys, toX, toY) {
  let path = "", isDrawing = false;
  xs.forEach((x, k) => {
    const isSeen = Number.isFinite(ys[k]);
    if (isSeen) path += `${isDrawing ? "L" : "M"}${toX(x)},${toY(ys[k])}`;
    isDrawing = isSeen;
  });
  return path;
}
