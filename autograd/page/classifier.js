// The panels of a page of a model and its data: what the model says of the points, of which any is
// drawn by a click, and how it is trained on them. The graph of the page is that of one point.

const BATCHES = [1, 5, 10, 20, 50, 100, 500];
const MOST_SHOWN = 4;

class Classifier {
  constructor(app) {
    this.app = app;
    this.set = new DataSet(app.graph, app.pass.points);
    this.training = new Training(app, this.set);
    this.point = 0;
    this.version = 0;
    const changed = () => { this.version++; this.set.forget(); };
    app.on("change", (leaf, by) => { changed(); if (by !== "training" && leaf === null) this._find(); });
    app.on("reset", () => { changed(); this.training.begin(); this.point = 0; });
    app.given = new Set(this.set.leaves);
    app.headline = () => this.headline();
  }

  // After many leaves have changed at once, as by a link: the point that is drawn then, if there is one.
  _find() {
    if (!this.isMoved) return;
    for (let t = 0; t < this.set.count; t++) if (this._isAt(t)) { this.point = t; return; }
  }

  _isAt(point) {
    const row = this.set.row(point), { data } = this.set.graph;
    return this.set.leaves.every((leaf, k) => leaf < 0 || data[leaf] === row[k]);
  }

  // Whether the numbers of the drawn point are others than those of the data.
  get isMoved() { return !this._isAt(this.point); }

  draw(point) {
    const { app, set } = this;
    this.point = Math.max(0, Math.min(set.count - 1, point));
    const row = set.row(this.point);
    app.setAll(new Map(set.leaves.flatMap((leaf, k) => (leaf < 0 ? [] : [[leaf, row[k]]]))), "point");
    app.say(this.about());
  }

  // Sentences ------------------------------------------------------------------------------------

  get _outputs() { return this.set.outputs.map((y) => this.set.graph.data[y]); }

  get target() {
    const { set, point } = this;
    if (set.classes && set.outputs.length > 1) return `class ${set.labels[set.classes[point]]}`;
    return `d = ${listed(set.targets.map((leaf, k) => this._now(leaf, set.inputs.length + k)))}`;
  }

  // A number of the drawn point as it stands, also where the graph has no leaf for it.
  _now(leaf, k) { return leaf < 0 ? this.set.row(this.point)[k] : this.set.graph.data[leaf]; }

  get verdict() {
    const { set, point } = this;
    if (!set.classes || this.isMoved) return "";
    const c = set.classOf(this._outputs);
    if (c < 0) return "no class";
    return `${c === set.classes[point] ? "right" : `wrong: class ${set.labels[c]}`}`;
  }

  // The outputs as far as there is room for them, or else the largest.
  get said() {
    const { outputs } = this.set, y = this._outputs;
    if (outputs.some((node) => node < 0)) return "";
    if (y.length <= MOST_SHOWN) return `, y = ${listed(y)}`;
    const largest = y.indexOf(Math.max(...y));
    return largest < 0 ? "" : `, largest y[${largest}] = ${short(y[largest])}`;
  }

  about() {
    const y = this.said;
    return `X[${this.point}]${this.isMoved ? ", moved from its place" : ""}: ${this.target}${y}`
      + (this.verdict ? `, ${this.verdict}` : "");
  }

  headline() {
    const { set } = this, { graph } = set, div = graph.data[graph.root];
    const x = set.inputs.map((leaf, k) => this._now(leaf, k));
    const parts = [code(`X[${this.point}]`, "own")];
    if (x.length <= MOST_SHOWN) parts.push(this.isMoved ? " moved to " : " = ", code(listed(x), "numbers"));
    parts.push(", ", code(this.target));
    if (set.outputs.length <= MOST_SHOWN && set.outputs.every((y) => y >= 0)) parts.push(", ", code(`y = ${listed(this._outputs)}`));
    parts.push(", ", code(graph.names[graph.root]), " = ", numeral(div, plain(div), "result"));
    return parts;
  }

  // What the picture shows, and where the classes part.
  rule() {
    const { set, chart } = this;
    if (!set.classes) return "";
    if (set.outputs.length > 1) return "Each place has the colour of the largest output.";
    const at = `y = ${plain(set.threshold)}`;
    return chart.isPlane ? `The line is where ${at}.` : `Class ${set.labels[1]} begins at ${at}.`;
  }

  whyNoChart() {
    const { set, chart } = this;
    if (set.outputs.some((y) => y < 0)) return "There is no picture, as the divergence does not depend on every output.";
    if (!chart.used.length) return "There is no picture, as nothing here depends on the inputs.";
    return "There is no picture, as the targets are no classes, and there is more than one input.";
  }

  held() {
    const { chart } = this, others = chart.used.length - chart.axes.length;
    if (!chart.isPlane || !others) return "";
    return `Everywhere in the plane the other ${others === 1 ? "input is" : `${others} inputs are`} as at X[${this.point}], `
      + "so points may stand on a ground that is not their own.";
  }
}

function listed(numbers) {
  const texts = numbers.slice(0, 12).map((x) => short(x));
  if (numbers.length > 12) texts.push("\u2026");
  return numbers.length === 1 ? texts[0] : `(${texts.join(", ")})`;
}

// The panel of the points --------------------------------------------------------------------------

PANELS.unshift({
  id: "points",
  title: "What the model says",
  modes: ["explore"],
  build(app, body) {
    const it = app.classifier = new Classifier(app), { set } = it;
    it.canvas = h("canvas", { class: "chart", tabindex: "0", role: "slider", "aria-label": "Drawn point",
      "aria-valuemin": 0, "aria-valuemax": set.count - 1 });
    it.chart = new Chart(app, set, it.canvas);
    it.canvas.addEventListener("click", (event) => it.draw(it.chart.nearest(event.offsetX, event.offsetY)));
    const step = (name, text, by) => h("button", { type: "button", "aria-label": name, title: name, onclick: by }, text);
    it.line = h("p", { class: "about" });
    it.more = h("p", { class: "hint" });
    body.append(...[
      it.chart.isShown ? legend(it) : null, it.chart.isShown ? it.canvas : null, axesOf(it),
      h("div", { class: "walk" }, step("Point before", "\u2039", () => it.draw(it.point - 1)), it.line,
        step("Next point", "\u203a", () => it.draw(it.point + 1))),
      it.more,
    ].filter(Boolean));
    it.canvas.addEventListener("keydown", (event) => walk(it, event));
    new ResizeObserver(() => app.paintSoon()).observe(it.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => app.paintSoon());
  },
  paint(app) {
    const it = app.classifier, { set } = it;
    it.canvas.setAttribute("aria-valuenow", it.point);
    it.canvas.setAttribute("aria-valuetext", it.about());
    setText(it.line, it.about());
    setText(it.more, [it.chart.isShown ? it.rule() : it.whyNoChart(), it.held()].filter(Boolean).join(" "));
    if (it.chart.isShown) it.chart.paint(it.point, it.version);
    for (const mark of it.marks ?? []) setText(mark.count, String(mark.of(set.found)));
  },
});

const WALK = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };

function walk(it, event) {
  const by = WALK[event.key];
  if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  it.draw(it.point + by);
}

// What the shapes stand for.
function legend(it) {
  const { set } = it;
  if (!set.classes) return null;
  const marks = set.labels.map((name, c) => h("li", {}, mark(c), set.outputs.length > 1 ? `class ${name}` : `d = ${name}`));
  marks.push(h("li", {}, s("svg", { class: "mark", viewBox: "-8 -8 16 16", "aria-hidden": "true" },
    s("circle", { class: "rim", r: 5.5 })), "wrong"));
  return h("ul", { class: "legend" }, marks);
}

const OUTLINES = ["M5,0A5,5 0 1 1 -5,0A5,5 0 1 1 5,0Z", "M-4.4,-4.4H4.4V4.4H-4.4Z", "M0,-6L5.7,4.5H-5.7Z",
  "M0,-6.5L6.5,0L0,6.5L-6.5,0Z", "M0,6L5.7,-4.5H-5.7Z"];

function mark(c) {
  return s("svg", { class: `mark class-${c % COLOURS}`, viewBox: "-8 -8 16 16", "aria-hidden": "true" },
    s("path", { d: OUTLINES[c % OUTLINES.length] }));
}

// Which two inputs are the axes, if there are more.
function axesOf(it) {
  const { chart, set } = it;
  if (!chart.isPlane || chart.used.length < 3) return null;
  const choice = (axis, label) => {
    const list = h("select", { id: `axis-${axis}` },
      chart.used.map((k) => h("option", { value: k, selected: k === chart.axes[axis] }, set.inputNames[k])));
    list.addEventListener("change", () => {
      const k = Number(list.value), other = chart.axes[1 - axis];
      // The same on both axes: they change places.
      if (k === other) chart.axes[1 - axis] = chart.axes[axis];
      chart.axes[axis] = k;
      chart.reset();
      [0, 1].forEach((a) => { document.getElementById(`axis-${a}`).value = chart.axes[a]; });
      it.app.paintSoon();
    });
    return h("label", {}, label, " ", list);
  };
  return h("div", { class: "axes" }, choice(0, "across"), choice(1, "up"));
}

// The panel of training ----------------------------------------------------------------------------

PANELS.push({
  id: "training",
  title: "Training",
  modes: ["explore"],
  where: "strip",
  build(app, body) {
    const { training, set } = app.classifier;
    const button = (id, text, f) => h("button", { type: "button", id, onclick: f }, text);
    const eta = h("input", { type: "range", id: "eta", min: 0, max: ETAS.length - 1, step: 1, value: nearestEta(training.eta) });
    eta.addEventListener("input", () => { training.eta = ETAS[Number(eta.value)]; app.paintSoon(); });
    const batch = h("select", { id: "batch" }, h("option", { value: set.count }, `all ${set.count.toLocaleString("en")}`),
      BATCHES.filter((size) => size < set.count).reverse().map((size) => h("option", { value: size }, String(size))));
    batch.addEventListener("change", () => { training.batch = Number(batch.value); app.paintSoon(); });
    this.curve = new LossCurve("Loss", 0);
    this.parts = { eta, size: h("output", { for: "eta" }), epoch: button("epoch", "1 epoch", () => training.take(training.stepsInAnEpoch)),
      run: button("run", "Run", () => (training.isRunning ? training.stop() : training.run())), sentence: h("p", {}) };
    body.append(this.curve.element, h("div", { class: "controls" },
      h("label", { class: "eta" }, "step size \u03b7 ", eta, this.parts.size),
      h("label", {}, "batch ", batch),
      h("div", { class: "buttons" }, button("one", "1 step", () => training.take(1)), this.parts.epoch, this.parts.run)),
    this.parts.sentence);
    addEventListener("visibilitychange", () => { if (document.hidden) training.stop(); });
  },
  paint(app) {
    const { training, set } = app.classifier, { size, epoch, run, eta, sentence } = this.parts;
    setText(size, plain(training.eta));
    eta.setAttribute("aria-valuetext", plain(training.eta));
    epoch.hidden = training.batch >= set.count;
    setText(run, training.isRunning ? "Stop" : "Run");
    run.classList.toggle("running", training.isRunning);
    this.curve.paint(training.losses.length ? training.losses : [set.found.loss]);
    const { loss, right } = set.found;
    sentence.replaceChildren("Loss over ", counted(set.count, "point"), " ", h("span", { class: "number" }, plain(loss)),
      ...(set.classes ? [", ", h("b", {}, `${right} of ${set.count} right`)] : []), ".",
      training.stepsInAnEpoch > 1 ? ` ${training.stepsInAnEpoch} steps are an epoch.` : "",
      training.sentence ? h("span", { class: "problem" }, ` ${training.sentence}`) : "");
  },
});

// For scripts --------------------------------------------------------------------------------------

Object.assign(SCRIPTING, {
  // So many steps on all points, or fewer if there is none to take; the loss before and after each.
  descend(eta, steps) {
    const { training, set } = app.classifier, before = [training.eta, training.batch];
    [training.eta, training.batch] = [numberFor(eta), set.count];
    const losses = [set.found.loss];
    for (let k = 0; k < numberFor(steps) && training.step(); k++) losses.push(set.found.loss);
    [training.eta, training.batch] = before;
    return losses;
  },
  // The mean over the points, how many are right, and the gradient by each leaf that moves.
  risk() {
    const { training, set } = app.classifier, { leaves } = training, gradient = set.gradient(leaves);
    const { loss, right } = set.found;
    return { loss, right, gradient: Object.fromEntries(leaves.map((leaf, k) => [app.graph.names[leaf], gradient[k]])) };
  },
  // Draws the graph of a point of the data.
  point(i) {
    const { set } = app.classifier;
    if (!Number.isInteger(i) || i < 0 || i >= set.count) throw new RangeError(`there are points 0 to ${set.count - 1}, got ${i}`);
    app.classifier.draw(i);
  },
});
