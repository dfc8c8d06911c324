// What descents share: the sizes that their steps may have, and the curve of a loss over the steps.

const ETAS = [-6, -5, -4, -3, -2, -1, 0, 1].flatMap((power) => [1, 1.5, 2, 3, 4, 5, 6, 8].map((x) => Number(`${x}e${power}`)))
  .concat([100]);
function nearestEta(eta) {
  const far = (x) => Math.abs(Math.log(x / eta));
  return ETAS.reduce((best, x, k) => (far(x) < far(ETAS[best]) ? k : best), 0);
}

const LOSS_PLOT = { height: 76, top: 16, most: 400 };

class LossCurve {
  // ground: a number that the curve stands on if it is not below.
  constructor(name, ground = Infinity) {
    Object.assign(this, { name, ground });
    const text = (attributes) => s("text", { y: 11, ...attributes });
    this.axes = s("path", { class: "axis" });
    this.line = s("path", { class: "loss" });
    this.dot = s("circle", { class: "last", r: 4 });
    this.title = text({ x: 4 });
    this.count = text({ "text-anchor": "end" });
    this.element = s("svg", { class: "losses", height: LOSS_PLOT.height, role: "img" }, this.axes, this.line, this.dot, this.title, this.count);
    setText(this.title, cut(name, 14));
    // Asked for at every painting, the width would make the browser lay out the page each time.
    this.width = 200;
    this.losses = [0];
    new ResizeObserver(([{ contentRect }]) => { this.width = contentRect.width || this.width; this.paint(this.losses); }).observe(this.element);
  }

  // The first number on the left, the last on the right; those that are not finite are left out.
  paint(losses) {
    this.losses = losses;
    const { height, top, most } = LOSS_PLOT, { width } = this, steps = losses.length - 1;
    const stride = Math.max(1, Math.ceil(steps / most));
    const shown = losses.map((y, k) => [k, y]).filter(([k, y]) => Number.isFinite(y) && (k % stride === 0 || k === steps));
    const heights = shown.map(([, y]) => y), low = Math.min(this.ground, ...heights), high = Math.max(...heights);
    const place = ([k, y]) => {
      const part = high > low ? (y / 2 - low / 2) / (high / 2 - low / 2) : 0.5;  // halves, lest the difference overflow
      return [10 + (width - 20) * k / Math.max(steps, 8), height - 9 - (height - 15 - top) * part].map(round1);
    };
    this.axes.setAttribute("d", `M4,${top}V${height - 4}H${width - 4}`);
    this.line.setAttribute("d", shown.length ? `M${shown.map((point) => place(point).join()).join("L")}` : "");
    const [x, y] = shown.length ? place(shown[shown.length - 1]) : [-9, -9];
    this.dot.setAttribute("cx", x);
    this.dot.setAttribute("cy", y);
    this.count.setAttribute("x", width - 4);
    setText(this.count, counted(steps, "step"));
    setLabel(this.element, `${this.name} over ${counted(steps, "step")}: from ${plain(losses[0])} to ${plain(losses[steps])}`);
  }
}
