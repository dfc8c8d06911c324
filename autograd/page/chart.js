// A picture of a data set on a canvas: the plane of two inputs in the colours of the classes, as the
// model sees them, or the curve of one input.

// What is computed for a plane at most: nodes times places.
const MOST_OF_A_PLANE = 120000;
const MARGIN = { left: 34, right: 8, top: 8, bottom: 22 };
const SHAPES = [
  (c, x, y, r) => c.arc(x, y, r, 0, 2 * Math.PI),
  (c, x, y, r) => polygon(c, x, y, [[-r, -r], [r, -r], [r, r], [-r, r]].map((p) => p.map((v) => v * 0.88))),
  (c, x, y, r) => polygon(c, x, y, [[0, -1.25 * r], [1.15 * r, 0.85 * r], [-1.15 * r, 0.85 * r]]),
  (c, x, y, r) => polygon(c, x, y, [[0, -1.3 * r], [1.3 * r, 0], [0, 1.3 * r], [-1.3 * r, 0]]),
  (c, x, y, r) => polygon(c, x, y, [[-1.2 * r, -0.85 * r], [1.2 * r, -0.85 * r], [0, 1.25 * r]]),
];
const COLOURS = 6;

function polygon(context, x, y, corners) {
  corners.forEach(([dx, dy], k) => (k ? context.lineTo(x + dx, y + dy) : context.moveTo(x + dx, y + dy)));
  context.closePath();
}

// A picture of the points on a canvas: the plane of two inputs in the colours of the classes, or
// the curve of one input.
class Chart {
  constructor(app, set, canvas) {
    Object.assign(this, { app, set, canvas, context: canvas.getContext("2d") });
    this.used = set.inputs.flatMap((leaf, k) => (leaf < 0 ? [] : [k]));
    this.isPlane = Boolean(set.classes) && this.used.length > 1;
    this.isCurve = this.used.length === 1 && set.outputs.every((y) => y >= 0);
    this.axes = this._widest();
    this._cells = document.createElement("canvas");
    this._key = "";
  }

  // The two inputs that vary most from point to point, in their order.
  _widest() {
    const variance = (numbers) => { const middle = mean(numbers); return mean(numbers.map((x) => (x - middle) ** 2)); };
    const spread = new Map(this.used.map((k) => [k, variance(this._column(k))]));
    return this.used.slice().sort((a, b) => spread.get(b) - spread.get(a)).slice(0, 2).sort((a, b) => a - b);
  }

  // After another choice of axes.
  reset() {
    this._some = null;
    this._key = "";
  }

  get isShown() { return this.isPlane || this.isCurve; }

  // What a curve shows: outputs, or the probabilities that logits stand for.
  get curveName() {
    const { scale, outputs } = this.set;
    return scale !== 0 ? "y" : outputs.length === 1 ? "sigmoid(y)" : "softmax(y)";
  }

  // The numbers of a column of the data, with some air around.
  _range(numbers) {
    let [low, high] = [Infinity, -Infinity];
    for (const x of numbers) { low = Math.min(low, x); high = Math.max(high, x); }
    const air = high > low ? 0.12 * (high - low) : Math.max(1, Math.abs(low)) / 2;
    return [low - air, high + air];
  }

  _column(k) { return Array.from({ length: this.set.count }, (_, t) => this.set.row(t)[k]); }

  // Where a point has its height in the picture of a curve: at its target for an output.
  height(point, k) {
    const { set } = this;
    if (set.targets.length === set.outputs.length) return set.row(point)[set.inputs.length + k];
    return set.classes ? Number(set.classes[point] === k) : 0;
  }

  _frame() {
    const { canvas, set } = this, ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [width, height].map((size) => Math.round(size * ratio));
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.x = this._range(this._column(this.axes[0]));
    if (this.isPlane) this.y = this._range(this._column(this.axes[1]));
    else this.y = this._range(set.outputs.flatMap((_, k) => Array.from({ length: set.count }, (__, t) => this.height(t, k))));
    const [left, top] = [MARGIN.left, MARGIN.top];
    this.box = { left, top, width: width - left - MARGIN.right, height: height - top - MARGIN.bottom };
  }

  across(x) { return this.box.left + (x - this.x[0]) / (this.x[1] - this.x[0]) * this.box.width; }

  up(y) { return this.box.top + (this.y[1] - y) / (this.y[1] - this.y[0]) * this.box.height; }

  // Where a point stands; the drawn one where its leaves have it.
  place(point) {
    const { set } = this, row = set.row(point);
    const at = (k) => (point === this.point && set.inputs[k] >= 0 ? set.graph.data[set.inputs[k]] : row[k]);
    if (this.isPlane) return [this.across(at(this.axes[0])), this.up(at(this.axes[1]))];
    const k = set.classes && set.outputs.length > 1 ? set.classes[point] : 0;
    return [this.across(at(this.axes[0])), this.up(this.height(point, k))];
  }

  // The point that is nearest to a place on the canvas.
  nearest(x, y) {
    let best = 0, least = Infinity;
    for (let t = 0; t < this.set.count; t++) {
      const [left, top] = this.place(t), distance = Math.hypot(left - x, top - y);
      if (distance < least) [best, least] = [t, distance];
    }
    return best;
  }

  // Visits the outputs at many places: at(t) gives the numbers of the axes, take(t, outputs) gets
  // what the model makes of them.
  _visit(count, at, take) {
    const { set } = this, { graph } = set;
    this._some ??= new Columns(graph, Math.max(16, Math.min(1024, Math.floor(2e5 / graph.size))), set.outputs);
    const columns = this._some;
    for (let first = 0; first < count; first += columns.room) {
      columns.count = Math.min(columns.room, count - first);
      this.axes.forEach((k, axis) => {
        const column = columns.given(set.inputs[k]);
        for (let t = 0; t < columns.count; t++) column[t] = at(first + t, axis);
      });
      columns.forward();
      for (let t = 0; t < columns.count; t++) take(first + t, set.outputsIn(columns, t));
    }
  }

  paint(point, version) {
    this.point = point;
    const { canvas, context } = this, style = getComputedStyle(canvas);
    const key = [version, point, this.axes, canvas.clientWidth, canvas.clientHeight, devicePixelRatio, style.color].join();
    if (key === this._key || !canvas.clientWidth) return;
    this._key = key;
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this._frame();
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.isPlane) this._paintPlane();
    this._paintAxes();
    if (this.isCurve && !this.isPlane) this._paintCurves();
    this._paintPoints();
  }

  ofClass(c) { return this.colour(`class-${c % COLOURS}`); }

  // The plane: each place in the colour of its class, the paler the less sure, and the borders.
  _paintPlane() {
    const { set, box, context } = this, nodes = (this._some ?? set.all).nodes.length;
    const n = Math.max(12, Math.min(44, Math.floor(Math.sqrt(MOST_OF_A_PLANE / nodes)))), size = (n + 1) * (n + 1);
    const [left, right] = this.x, [low, high] = this.y;
    const margins = set.labels.map(() => new Float64Array(size));
    this._visit(size, (t, axis) => (axis === 0 ? left + (right - left) * (t % (n + 1)) / n
      : high - (high - low) * Math.floor(t / (n + 1)) / n),
    (t, outputs) => set.margins(outputs).forEach((margin, c) => { margins[c][t] = margin; }));
    const classes = set.labels.map((_, c) => rgb(this.ofClass(c), context));
    const cells = this._cells, pixels = new ImageData(n + 1, n + 1);
    margins.forEach((of, c) => of.forEach((margin, t) => {
      if (margin > 0) pixels.data.set([...classes[c], 150 * Math.min(1, margin) ** 0.75], 4 * t);
    }));
    [cells.width, cells.height] = [n + 1, n + 1];
    cells.getContext("2d").putImageData(pixels, 0, 0);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    const step = [box.width / n, box.height / n];
    context.drawImage(cells, box.left - step[0] / 2, box.top - step[1] / 2, box.width + step[0], box.height + step[1]);
    context.strokeStyle = this.colour("ink");
    context.lineWidth = 1.5;
    context.beginPath();
    for (let c = set.outputs.length === 1 ? 1 : 0; c < classes.length; c++) {
      border(margins[c], n, (x, y, isEnd) => {
        if (isEnd) context.lineTo(box.left + x * step[0], box.top + y * step[1]);
        else context.moveTo(box.left + x * step[0], box.top + y * step[1]);
      });
    }
    context.stroke();
    context.restore();
  }

  _paintCurves() {
    const { set, box, context } = this, n = 120, [left, right] = this.x;
    const outputs = [];
    this._visit(n + 1, (t) => left + (right - left) * t / n, (t, y) => outputs.push(set.shares(y)));
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    context.lineWidth = 2.5;
    context.lineJoin = "round";
    set.outputs.forEach((_, k) => {
      context.strokeStyle = set.outputs.length > 1 ? this.ofClass(k) : this.colour("ink");
      context.beginPath();
      outputs.forEach((y, t) => context.lineTo(box.left + box.width * t / n, this.up(y[k])));
      context.stroke();
    });
    context.restore();
  }

  _paintAxes() {
    const { box, context, set } = this, names = this.axes.map((k) => set.inputNames[k]);
    context.strokeStyle = this.colour("line");
    context.lineWidth = 1;
    context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
    context.fillStyle = this.colour("faint");
    context.font = `11px ${this.colour("mono")}`;
    const [wide, high] = [box.left + box.width, box.top + box.height];
    context.textBaseline = "top";
    context.textAlign = "center";
    const isClear = (x) => x > box.left + 8 && x < wide - 8;  // of the edge of the canvas
    for (const x of ticks(...this.x).filter((x) => isClear(this.across(x)))) context.fillText(short(x), this.across(x), high + 6);
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const y of ticks(...this.y)) context.fillText(short(y), box.left - 5, this.up(y));
    const name = (text, x, y, align) => {
      const wide = context.measureText(text).width + 8;
      context.fillStyle = this.colour("card");
      context.fillRect(align === "left" ? x - 4 : x - wide + 4, y - 8, wide, 16);
      context.fillStyle = this.colour("ink");
      context.textAlign = align;
      context.fillText(text, x, y);
    };
    name(`${names[0]} \u2192`, wide - 5, high - 9, "right");
    name(`\u2191 ${this.isPlane ? names[1] : this.curveName}`, box.left + 5, box.top + 9, "left");
  }

  _paintPoints() {
    const { set, context } = this, { found } = set.found, r = set.count > 1000 ? 2.5 : set.count > 300 ? 3.5 : 4.5;
    const order = Array.from({ length: set.count }, (_, t) => t).filter((t) => t !== this.point);
    for (const t of [...order, this.point]) {
      const [x, y] = this.place(t), c = set.classes ? set.classes[t] : 0, isDrawn = t === this.point;
      const shape = (radius) => {
        context.beginPath();
        SHAPES[c % SHAPES.length](context, x, y, radius);
      };
      if (isDrawn) {
        context.beginPath();
        context.arc(x, y, r + 6, 0, 2 * Math.PI);
        context.strokeStyle = this.colour("card");
        context.lineWidth = 5;
        context.stroke();
        context.strokeStyle = this.colour("ink");
        context.lineWidth = 2.5;
        context.stroke();
      }
      // A point whose class is wrong has a dark rim.
      const isWrong = found && found[t] !== set.classes[t];
      for (const [name, width] of isWrong ? [["card", 6.5], ["ink", 4]] : [["card", 3]]) {
        shape(r);
        context.strokeStyle = this.colour(name);
        context.lineWidth = width;
        context.stroke();
      }
      context.fillStyle = set.classes ? this.ofClass(c) : this.colour("pos");
      context.fill();
    }
  }
}

function rgb(colour, context) {
  context.fillStyle = colour;
  return [1, 3, 5].map((k) => parseInt(context.fillStyle.slice(k, k + 2), 16));
}

// Some three round numbers within a range.
function ticks(low, high) {
  const rough = (high - low) / 3, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((k) => k * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(Number((k * step).toPrecision(10)));
  return found;
}

// Where numbers on the corners of n x n cells change their sign: draws pieces of lines, in cells.
// Along the sides of a cell the numbers are taken to go evenly (marching squares).
function border(numbers, n, draw) {
  const sides = [[0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0]];
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      let isEnd = false;
      for (const [x, y, u, v] of sides) {
        const a = numbers[(row + y) * (n + 1) + column + x], b = numbers[(row + v) * (n + 1) + column + u];
        if (a < 0 === b < 0 || Number.isNaN(a - b)) continue;
        const share = a / (a - b);
        draw(column + x + share * (u - x), row + y + share * (v - y), isEnd);
        isEnd = !isEnd;
      }
    }
  }
}
