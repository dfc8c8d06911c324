// A data set, and how leaves are trained on it: the graph of the page is that of one point, and is
// computed for all of them; the risk is the mean over the points.

// What a loss may grow by, in multiples of what it was at first, before a descent is stopped.
const MOST_GROWTH = 1e6;

class DataSet {
  constructor(graph, data) {
    Object.assign(this, data);
    this.graph = graph;
    this.leaves = [...data.inputs, ...data.targets];
    this.numbers = unpacked(data.rows);
    this.all = new Columns(graph, this.count);
    this._fill(this.all, Int32Array.from({ length: this.count }, (_, t) => t));
    this.forget();
  }

  // The numbers of a point: its inputs, and then its targets.
  row(point) { return this.numbers.subarray(point * this.leaves.length, (point + 1) * this.leaves.length); }

  _fill(columns, points) {
    columns.count = points.length;
    this.leaves.forEach((leaf, k) => {
      if (leaf < 0) return;
      const column = columns.given(leaf);
      points.forEach((point, t) => { column[t] = this.numbers[point * this.leaves.length + k]; });
    });
  }

  // Says that the parameters hold other numbers.
  forget() { this._found = null; }

  // What the model makes of all points: the loss, and the class of each.
  get found() {
    if (!this._found) {
      this.all.forward();
      const found = this.classes && Array.from({ length: this.count }, (_, t) => this.classOf(this.outputsIn(this.all, t)));
      const right = found?.filter((c, t) => c === this.classes[t]).length;
      this._found = { loss: mean(this.all.of(this.graph.root)), found, right };
    }
    return this._found;
  }

  // The gradient of the risk by some leaves, over all points or a few.
  gradient(leaves, points = null) {
    if (points) {
      this._few ??= new Columns(this.graph, this.count);
      this._fill(this._few, points);
      this._few.forward();
      return this._few.gradient(leaves);
    }
    return this.found && this.all.gradient(leaves);
  }

  outputsIn(columns, t) { return this.outputs.map((y) => columns.data[y * columns.room + t]); }

  // Outputs as they are drawn: logits as the probabilities that they stand for.
  shares(outputs) {
    if (this.scale !== 0) return outputs;
    if (outputs.length === 1) return [1 / (1 + Math.exp(-outputs[0]))];
    const largest = Math.max(...outputs), powers = outputs.map((z) => Math.exp(z - largest));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / total);
  }

  // The class of outputs, -1 for none.
  classOf(outputs) {
    if (outputs.some(Number.isNaN)) return -1;
    if (outputs.length === 1) return outputs[0] >= this.threshold ? 1 : 0;
    return outputs.indexOf(Math.max(...outputs));
  }

  // How far outputs are on the side of each class: at 0 is the border. 1 is as sure as can be.
  margins(outputs) {
    if (outputs.length === 1) {
      const reach = this.scale || 1;
      const margin = this.scale ? (outputs[0] - this.threshold) / reach
        : 2 * (this.shares(outputs)[0] - this.shares([this.threshold])[0]);
      return [-margin, margin];
    }
    const shares = this.shares(outputs), order = shares.slice().sort((a, b) => b - a);
    return shares.map((share) => share - (share === order[0] ? order[1] : order[0]));
  }
}

class Training {
  constructor(app, set) {
    this.app = app;
    this.set = set;
    this.eta = set.eta;
    this.batch = set.count;
    this.isRunning = false;
    this.begin();
  }

  begin() {
    this.isRunning = false;
    this.steps = 0;
    this.sentence = "";
    this.losses = [];
    this._order = [];
    this._state = 1;
  }

  get leaves() { return [...this.app.moving].filter((leaf) => !this.set.leaves.includes(leaf)).sort((a, b) => a - b); }

  // The points of the next step: all, or the next few in an order that is drawn anew for each epoch.
  _next() {
    if (this.batch >= this.set.count) return null;
    if (!this._order.length) {
      this._order = Array.from({ length: this.set.count }, (_, t) => t);
      for (let t = this._order.length - 1; t > 0; t--) {
        const other = Math.floor(this._random() * (t + 1));
        [this._order[t], this._order[other]] = [this._order[other], this._order[t]];
      }
    }
    return this._order.splice(0, this.batch);
  }

  // Numbers that look drawn, and are the same in every run (mulberry32, by T. Ettinger).
  _random() {
    this._state = (this._state + 0x6d2b79f5) | 0;
    let x = Math.imul(this._state ^ (this._state >>> 15), 1 | this._state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }

  // One step down the gradient; false, with a sentence that says why, if there is none to take.
  step() {
    const { app, set, eta } = this, { graph } = app, leaves = this.leaves;
    const before = set.found.loss;
    if (!leaves.length) return this._refuse("Nothing moves: mark a leaf with the dot on its card.");
    if (!Number.isFinite(before)) {
      return this._refuse(`The loss is ${plain(before)}: there is no way down from there. Reset, or move a number back.`);
    }
    if (!this.losses.length) this.losses.push(before);
    const gradient = set.gradient(leaves, this._next());
    const old = new Map(leaves.map((leaf) => [leaf, graph.data[leaf]]));
    app.setAll(new Map(leaves.map((leaf, k) => [leaf, graph.data[leaf] - eta * gradient[k]])), "training");
    const { loss } = set.found;
    if (!(loss <= MOST_GROWTH * (1 + Math.abs(this.losses[0]))) || leaves.some((leaf) => !Number.isFinite(graph.data[leaf]))) {
      app.setAll(old, "training");
      return this._refuse(`It runs away: the next step would take the loss from ${plain(before)} to ${plain(loss)}. `
        + `A step size of ${plain(eta)} is too large here; Reset leads back.`);
    }
    if (gradient.every((g) => g === 0) && this.batch >= set.count) {
      return this._refuse("The gradient is exactly 0: no step moves anything.");
    }
    this.steps++;
    this.losses.push(loss);
    this.sentence = "";
    return true;
  }

  _refuse(sentence) {
    this.sentence = sentence;
    this.stop();
    this.app.paintSoon();
    this.app.say(sentence);
    return false;
  }

  // So many steps at once, as far as they go.
  take(steps) { for (let k = 0; k < steps && this.step(); k++); }

  get stepsInAnEpoch() { return Math.ceil(this.set.count / this.batch); }

  // A step a frame, each of them drawn, until it is stopped.
  run() {
    if (this.isRunning) return;
    this.isRunning = true;
    const next = () => {
      if (!this.isRunning) return;
      if (document.hidden || !this.step()) this.stop();
      else requestAnimationFrame(next);
    };
    next();
  }

  stop() {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.app.paintSoon();
  }
}
