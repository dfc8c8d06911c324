// Descent: steps along the negative gradient on the leaves that move; what each has promised, what it
// gave, and what follows from that.

// As gradient_descent in Python has it: what the root may rise by, from where it began and in multiples of that.
const GROWTH = 1e12;
const SHRUNK = 1e-12;
const TINY_ETAS = [-7, -8, -9, -10, -11, -12, -13, -14, -15].map((power) => Number(`1e${power}`));
const PACE = { steps: 1, every: 60 }, CALM_PACE = { steps: 8, every: 480 };

// One run: where it began and what has become of the root. A number moved by hand begins another.
class Descent {
  constructor(app) {
    this.app = app;
    this.eta = 0.1;
    this.begin();
    app.on("change", (leaf, by) => { if (by !== "descent") this.begin(); });
    app.on("reset", () => this.begin());
    app.on("choose", () => { if (String(app.movingLeaves) !== String(this.leaves)) this.begin(); });
  }

  // From here on.
  begin() {
    const { graph } = this.app;
    this.stop();
    this.leaves = this.app.movingLeaves;
    this.losses = [graph.data[graph.root]];
    this.points = [];
    this.last = this.end = this.firstNorm = null;
  }

  // Takes one step, unless there is none to take: then ``end`` says why.
  step() {
    const { graph } = this.app, { leaves, eta } = this;
    const norm = Math.hypot(...leaves.map((i) => graph.grads[i]));
    this.firstNorm ??= norm;
    this.end = this._noStep(leaves, norm);
    if (this.end) return false;
    const from = new Map(leaves.map((i) => [i, graph.data[i]]));
    const to = new Map(leaves.map((i) => [i, graph.data[i] - eta * graph.grads[i]]));
    const slopes = new Map(leaves.map((i) => [i, graph.grads[i]]));
    const before = graph.data[graph.root];
    if (this.points.length === 0) this.points.push(from);
    this.points.push(to);
    this.app.setAll(to, "descent");
    const after = graph.data[graph.root];
    this.losses.push(after);
    this.last = { eta, before, after, promised: -eta * norm * norm, got: after - before, from, slopes, rise: this._rise(from, to) };
    this.end = this._ranAway();
    return this.end === null;
  }

  // So many steps, or fewer if there is an end; a gradient that has all but vanished is one of them.
  steps(count) {
    for (let k = 0; k < count; k++) if (!this.step() || this._vanished()) return false;
    return true;
  }

  _noStep(leaves, norm) {
    const { graph } = this.app, { eta } = this;
    const bad = leaves.find((i) => !Number.isFinite(graph.grads[i]));
    if (bad !== undefined) return { name: "no gradient", node: bad };
    if (norm === 0) return { name: "zero" };
    if (leaves.every((i) => graph.data[i] - eta * graph.grads[i] === graph.data[i])) return { name: "stuck" };
    if (leaves.some((i) => !Number.isFinite(graph.data[i] - eta * graph.grads[i]))) return { name: "leaves" };
    return null;
  }

  _ranAway() {
    const first = this.losses[0], last = this.losses[this.losses.length - 1];
    if (!Number.isFinite(last)) return { name: "not finite" };
    const isFar = Math.abs(last - first) > GROWTH * (1 + Math.abs(first));
    return isFar ? { name: last > first ? "away" : "bottomless" } : null;
  }

  _vanished() {
    const { graph } = this.app;
    const norm = Math.hypot(...this.leaves.map((i) => graph.grads[i]));
    if (!(norm <= SHRUNK * this.firstNorm)) return false;
    this.end = { name: norm === 0 ? "zero" : "vanished", norm };
    return true;
  }

  // How the root rises along the step where it has ended.
  _rise(from, to) {
    const { graph } = this.app;
    let rise = 0;
    for (const [i, x] of to) rise += graph.grads[i] * (x - from.get(i));
    return rise;
  }

  // What another step from the same place would have given.
  tried(eta) {
    const { from, slopes, before } = this.last, { graph } = this.app;
    const to = new Map([...from].map(([i, x]) => [i, x - eta * slopes.get(i)]));
    return graph.at(to) - before;
  }

  // Running --------------------------------------------------------------------------------------

  get isRunning() { return this._timer !== undefined; }

  run() {
    const { steps, every } = matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM_PACE : PACE;
    const go = () => { if (!this.steps(steps)) { this.stop(); sayDescent(this.app); } };
    this._timer = setInterval(go, every);
    go();
    this.app.paintSoon();
  }

  stop() {
    if (!this.isRunning) return;
    clearInterval(this._timer);
    this._timer = undefined;
    this.app.paintSoon();
  }
}

// What is said --------------------------------------------------------------------------------------

// Why there is no next step; of the root L, as text with names in braces.
const ENDS = {
  "no gradient": "{slope} is {number}: it shows no way down.",
  zero: "The gradient is 0 to the last digit: no step leads anywhere. Whether {root} has a minimum here, a maximum or a "
    + "saddle, or is only too flat for these digits, as a saturated tanh is, it does not tell.",
  vanished: "The gradient has shrunk to {norm}, less than a million millionth of what it was: but for the last digits "
    + "the way has ended. Whether this is a minimum or a saddle the gradient does not tell.",
  stuck: "The step is too short to move a number: floats lie further apart.",
  leaves: "The next step would lead beyond the largest float. A shorter one may help.",
  away: "It runs away: {root} went from {first} to {last} in {count}. The steps are too long; Reset leads back.",
  bottomless: "{root} has fallen from {first} to {last} in {count}: it may have no lowest point.",
  "not finite": "{root} is {last} after {count}. Reset leads back.",
};

// What follows from one step; the first that is true is said.
const STEP_SENTENCES = [
  ["rounding", (q) => q.rounding >= 0.1 * Math.abs(q.promised) && Math.abs(q.got) <= 10 * q.rounding,
    "So small a change is down to the last digits of {root}."],
  ["too long", (q) => q.got > 0 && q.better !== null, "Uphill: the step is too long. {better} would have gone down."],
  ["uphill", (q) => q.got > 0, "Uphill, though the gradient promised a fall."],
  ["as promised", (q) => Math.abs(q.got - q.promised) <= 0.01 * Math.abs(q.promised), "That is what was promised, within 1 %."],
  ["overshot", (q) => q.rise > 0, "That is {kept} of the promise. The step overshot: where it ended, {root} rises again along it."],
  ["less", (q) => q.got > q.promised && q.tenth > q.part && q.tenth <= 1, "That is {kept} of the promise; a tenth of the step would have kept {tenthKept}."],
  ["less still", (q) => q.got > q.promised, "That is {kept} of the promise."],
  ["more", () => true, "That is more than was promised."],
];

function stepQuantities(descent) {
  const { eta, before, after, promised, got, rise } = descent.last, isLess = got > promised && got < 0 && !(rise > 0);
  const rounding = 2 ** -52 * Math.max(Math.abs(before), Math.abs(after));
  const goesDown = (x) => x < eta && descent.tried(x) < -4 * rounding;
  return {
    promised, got, rise, rounding, part: got / promised,
    tenth: isLess ? descent.tried(eta / 10) / (promised / 10) : NaN,
    better: got > 0 ? [...ETAS].reverse().concat(TINY_ETAS).find(goesDown) ?? null : null,  // the longest of them
  };
}

function tellDescent(app, descent) {
  const { graph } = app, { last, end } = descent, root = graph.names[graph.root];
  const compared = last ? ["Promised ", code("\u2212\u03b7|\u2207|\u00b2"), " = ", numeral(last.promised, three(last.promised)),
    ", got ", numeral(last.got, three(last.got), "quiet measured"), ". "] : [];
  if (end) return [...compared, ...filledIn(ENDS[end.name], endWords(app, descent))];
  if (!last) return beginning(app);
  const quantities = last.quantities ??= stepQuantities(descent);
  const [, , says] = STEP_SENTENCES.find(([, isTrue]) => isTrue(quantities));
  return [...compared, ...filledIn(says, {
    root, kept: percent(quantities.part), tenthKept: percent(quantities.tenth), better: `\u03b7 = ${five(quantities.better)}`,
  })];
}

// What a step is, before there is one.
function beginning({ graph, movingLeaves: [first, ...others] }) {
  if (first === undefined) return [];
  const name = graph.names[first], slope = derivativeText(graph.names[graph.root], name);
  return ["A step is ", code(`${name} \u2190 ${name} \u2212 \u03b7\u00b7${slope}`), others.length ? ", and so for all that move." : "."];
}

function endWords(app, { end, losses }) {
  const { graph } = app, root = graph.names[graph.root];
  return {
    root, first: five(losses[0]), last: five(losses[losses.length - 1]), count: counted(losses.length - 1, "step"),
    norm: five(end.norm ?? 0),
    slope: end.node === undefined ? "" : derivativeText(root, graph.names[end.node]),
    number: end.node === undefined ? "" : plain(graph.grads[end.node]),
  };
}

// A template with code for its placeholders.
function filledIn(template, words) {
  return template.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? code(words[part]) : part));
}

function three(x) { return toDigits(x, 3); }

// Which leaves move, and which stay.
function tellMoving({ graph, movingLeaves }) {
  const leaves = movingLeaves.map((i) => cut(graph.names[i], 24));
  if (!leaves.length) return ["No leaf moves: give one a dot, by a click on its circle or the key m."];
  const shown = leaves.slice(0, 6), rest = leaves.length - shown.length;
  const names = shown.flatMap((name, k) => [k ? (k === shown.length - 1 && !rest ? " and " : ", ") : "", code(name)]);
  return ["\u25cf ", ...names, rest ? ` and ${rest} more move.` : leaves.length === 1 ? " moves." : " move."];
}

// The panel ---------------------------------------------------------------------------------------

let descent = null;

const DESCENT_PANEL = {
  id: "descent",
  title: "Descent",
  modes: ["explore"],
  where: "strip",
  isNeeded: (app) => !app.graph.fixed,
  build(app, body) {
    descent = new Descent(app);
    const button = (id, text, f) => h("button", { type: "button", id, onclick: f }, text);
    // A step size that was refused is nothing to go on with.
    const go = (count) => {
      descent.stop();
      if (this.problem.hidden) descent.steps(count);
      sayDescent(app);
      app.paintSoon();
    };
    const run = () => { if (descent.isRunning) descent.stop(); else if (this.problem.hidden) descent.run(); };
    const take = (eta) => { descent.eta = eta; this.problem.hidden = true; app.paintSoon(); };
    this.curve = new LossCurve(app.graph.names[app.graph.root]);
    this.slider = h("input", {
      type: "range", id: "eta", min: 0, max: ETAS.length - 1, step: 1, "aria-label": "step size \u03b7",
      oninput: (event) => take(ETAS[Number(event.target.value)]),
    });
    this.field = h("input", {
      type: "text", id: "eta-typed", inputmode: "decimal", autocomplete: "off", spellcheck: "false", "aria-label": "step size \u03b7, typed",
      onchange: () => this._typed(app, take),
    });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.buttons = [button("step-1", "1 step", () => go(1)), button("step-10", "10", () => go(10)), button("run", "Run", run)];
    this.buttons[1].setAttribute("aria-label", "10 steps");
    this.told = h("p", { class: "told" });
    this.moves = h("p", { class: "hint moving" });
    const label = h("span", { class: "code", "aria-hidden": "true" }, "step \u03b7");
    body.append(this.curve.element, h("div", { class: "slide" }, label, this.slider, this.field), h("div", { class: "go" }, this.buttons),
      this.problem, this.told, this.moves);
    document.addEventListener("visibilitychange", () => { if (document.hidden) descent.stop(); });
    addEventListener("pagehide", () => descent.stop());
  },
  paint(app) {
    const { eta } = descent, isReady = app.moving.size > 0;
    this.slider.value = nearestEta(eta);
    this.slider.setAttribute("aria-valuetext", `\u03b7 = ${five(eta)}`);
    if (document.activeElement !== this.field) this.field.value = inFull(eta);
    for (const button of this.buttons) button.disabled = !isReady;
    setText(this.buttons[2], descent.isRunning ? "Stop" : "Run");
    this.told.replaceChildren(...tellDescent(app, descent));
    this.moves.replaceChildren(...tellMoving(app));
    this.curve.paint(descent.losses);
  },
  // Enter and leaving the field take what is typed, if that is a step size.
  _typed(app, take) {
    const number = readNumber(this.field.value, (name) => app.known(name));
    const isRight = number > 0 && Number.isFinite(number);
    const wrong = isRight ? "" : `A step size is a finite number above 0, such as 0.1 or 1/3, got ${cut(this.field.value.trim(), 24) || "nothing"}.`;
    this.problem.hidden = !wrong;
    setText(this.problem, wrong);
    this.field.setAttribute("aria-invalid", String(wrong !== ""));
    if (!wrong) take(number);
  },
};
PANELS.push(DESCENT_PANEL);

function sayDescent(app) {
  const { names, data, root } = app.graph;
  const told = tellDescent(app, descent).map((part) => part.textContent ?? part).join("");
  app.say(`${names[root]} = ${plain(data[root])}. ${told}`);
}

MODES.explore.leave = () => descent.stop();
MODES.explore.arrange = placeDescent;

// Below the graph, if there is room for both, and else beside it.
const STRIP = { height: 130, leastWindow: 800, leastWidth: 560 };

function placeDescent(app, room) {
  const [side, strip] = ["side", "strip"].map((id) => document.getElementById(id));
  const isNarrow = matchMedia("(max-width: 900px)").matches;
  orderPanels(app, side, isNarrow ? [] : [DESCENT_PANEL.element]);
  if (isNarrow && DESCENT_PANEL.element.parentElement !== strip) strip.append(DESCENT_PANEL.element);
  const height = room.clientHeight - STRIP.height;
  if (isNarrow || innerHeight < STRIP.leastWindow || room.clientWidth < STRIP.leastWidth || height < 200) return;
  app.picture.build(room.clientWidth, height);
  const [, tall] = app.picture.size;
  if (tall * SMALLEST_SCALE <= height) strip.append(DESCENT_PANEL.element);
}

// The map comes first where there is one, with the steps below it; and these before a gradient that
// has many terms and would push them out of sight.
function orderPanels(app, side, descents) {
  const [map, gradient, nudge] = ["map", "gradient", "nudge"].map((id) => document.getElementById(id));
  const isLong = app.movingLeaves.some((i) => app.graph.uses[i].length > 2);
  const first = isLong ? [...descents, gradient] : [gradient, ...descents];
  const wanted = MAP_PANEL.pairOf(app) ? [map, ...descents, gradient, nudge] : [...first, nudge, map];
  if (wanted.some((element, k) => side.children[k] !== element)) side.prepend(...wanted);
}

// For scripts: so many steps of this size; gives the root's number before and after each.
SCRIPTING.descend = (eta, steps) => {
  if (app.graph.fixed) throw new Error(app.graph.fixed);
  if (typeof eta !== "number" || !(eta > 0) || !Number.isFinite(eta)) {
    throw new RangeError(`eta is a finite number above 0, got ${eta}`);
  }
  if (!Number.isInteger(steps) || steps < 0) throw new RangeError(`steps is a whole number from 0 on, got ${steps}`);
  if (!app.moving.size) throw new Error("no leaf moves: give one a dot");
  descent.begin();
  descent.eta = eta;
  for (let k = 0; k < steps && descent.step(); k++);
  return [...descent.losses];
};
