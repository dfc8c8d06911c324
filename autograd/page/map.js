// The map of two leaves: level curves of the root over both, the point where they stand, the way
// downhill, and that of the descent. Both axes have one scale, so that right angles are right.

const MAP = { last: 64, strides: [8, 4, 2, 1], slice: 8, levels: 24, most: 200, drawn: 500 };

// The root's numbers in a window, coarse first, computed in slices so that dragging stays fluid.
class Terrain {
  constructor(app, pair, window, then) {
    this.window = window;
    this.values = new Float64Array((MAP.last + 1) ** 2);
    this.stride = Infinity;  // of what is computed
    const above = new Above(app.graph, pair), slices = this._slices(above);
    const work = () => {
      const end = performance.now() + MAP.slice;
      while (performance.now() < end) {
        const { done, value: stride } = slices.next();
        if (done) return;
        if (!stride) continue;
        this.stride = stride;
        this._level();
        then();
      }
      this._timer = setTimeout(work, 0);
    };
    work();
  }

  // Yields after some numbers, and a stride when all of it are there.
  * _slices(above) {
    const { x, y, half } = this.window, { last, strides } = MAP;
    for (const [k, stride] of strides.entries()) {
      for (let j = 0; j <= last; j += stride) {
        for (let i = 0; i <= last; i += stride) {
          const isKnown = k > 0 && i % strides[k - 1] === 0 && j % strides[k - 1] === 0;
          if (!isKnown) this.values[j * (last + 1) + i] = above.root(x + half * (2 * i / last - 1), y + half * (2 * j / last - 1));
          if (i % 8 === 0) yield 0;
        }
      }
      yield stride;
    }
  }

  cancel() { clearTimeout(this._timer); }

  // The number at a point of the grid that is drawn now.
  at(i, j) { return this.values[j * this.stride * (MAP.last + 1) + i * this.stride]; }

  get count() { return MAP.last / this.stride + 1; }

  // Equal steps between level curves, up to where nine tenths of the map lie if the rest is far above.
  _level() {
    const { count } = this, shown = [];
    for (let j = 0; j < count; j++) for (let i = 0; i < count; i++) shown.push(this.at(i, j));
    this.hasHoles = shown.some(Number.isNaN);
    const finite = shown.filter(Number.isFinite).sort((a, b) => a - b);
    const [low, most, top] = [0, 0.9, 1].map((part) => finite[Math.floor(part * (finite.length - 1))] ?? 0);
    [this.low, this.high] = [low, top - low > 4 * (most - low) && most > low ? most : top];
    this.step = this.high > low ? niceAbove((this.high - low) / MAP.levels) : 0;
  }

  get levels() {
    if (!this.step) return [];
    const first = Math.ceil(this.low / this.step), count = Math.floor(this.high / this.step) - first + 1;
    return Array.from({ length: Math.min(count, 2 * MAP.levels) }, (_, k) => (first + k) * this.step);
  }

  // The pieces of a level curve, on a square of side 1, up being up (marching squares).
  curve(level) {
    const { count } = this, pieces = [];
    for (let j = 0; j + 1 < count; j++) {
      for (let i = 0; i + 1 < count; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]], heights = corners.map(([a, b]) => this.at(a, b));
        if (!heights.every(Number.isFinite)) continue;
        const crossings = [];
        corners.forEach((from, k) => {
          const to = corners[(k + 1) % 4], [a, b] = [heights[k], heights[(k + 1) % 4]];
          if (a < level === b < level) return;
          const t = (level - a) / (b - a);
          crossings.push([0, 1].map((n) => (from[n] + t * (to[n] - from[n])) / (count - 1)));
        });
        for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push([crossings[k], crossings[k + 1]]);
      }
    }
    return pieces;
  }
}

// 1, 2 or 5 times a power of ten, at least so large.
function niceAbove(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return power * ([1, 2, 5].find((k) => k * power >= x * (1 - 1e-9)) ?? 10);
}

// Drawing -----------------------------------------------------------------------------------------

function kitColour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16));
}

function tone([r, g, b], alpha = 1) { return `rgb(${r} ${g} ${b} / ${alpha})`; }

class MapDrawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.image = document.createElement("canvas");
  }

  // terrain; point, downhill: numbers in the window, or null; way: points.
  draw(terrain, point, downhill, way, height) {
    const { canvas } = this, side = canvas.clientWidth, ratio = devicePixelRatio || 1;
    if (!side) return;
    if (canvas.width !== Math.round(side * ratio)) canvas.width = canvas.height = Math.round(side * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colours = Object.fromEntries(["card", "ink", "faint", "line", "pos", "neg-line"].map((name) => [name, kitColour(name)]));
    const { x, y, half } = terrain.window;
    const place = ([u, v]) => [side * ((u - x) / half + 1) / 2, side * (1 - (v - y) / half) / 2];
    pen.fillStyle = tone(colours.card);
    pen.fillRect(0, 0, side, side);
    if (terrain.hasHoles) hatch(pen, side, colours.line);
    if (terrain.stride <= MAP.last) {
      this._shade(pen, side, terrain, colours);
      for (const level of terrain.levels) strokePieces(pen, side, terrain.curve(level), tone(colours.faint, 0.55), 1);
      if (Number.isFinite(height)) strokePieces(pen, side, terrain.curve(height), tone(colours.ink), 1.6);
    }
    drawWay(pen, way.map(place), colours);
    if (point && downhill) drawArrow(pen, place(point), downhill, colours);
  }

  _shade(pen, side, terrain, { card, pos }) {
    const { count, low, high } = terrain, pixels = new ImageData(count, count);
    for (let j = 0; j < count; j++) {
      for (let i = 0; i < count; i++) {
        const value = terrain.at(i, count - 1 - j), place = 4 * (j * count + i);
        const part = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5;
        const share = 0.5 * (1 - Math.sqrt(part));
        for (let k = 0; k < 3; k++) pixels.data[place + k] = card[k] + share * (pos[k] - card[k]);
        pixels.data[place + 3] = Number.isNaN(value) ? 0 : 255;
      }
    }
    this.image.width = this.image.height = count;
    this.image.getContext("2d").putImageData(pixels, 0, 0);
    pen.drawImage(this.image, 0.5, 0.5, count - 1, count - 1, 0, 0, side, side);
  }
}

// Where there is no number.
function hatch(pen, side, colour) {
  pen.beginPath();
  for (let k = -side; k < side; k += 9) { pen.moveTo(k, side); pen.lineTo(k + side, 0); }
  pen.strokeStyle = tone(colour, 0.7);
  pen.lineWidth = 1;
  pen.stroke();
}

function strokePieces(pen, side, pieces, style, width) {
  pen.beginPath();
  for (const [[a, b], [c, d]] of pieces) { pen.moveTo(side * a, side * (1 - b)); pen.lineTo(side * c, side * (1 - d)); }
  pen.strokeStyle = style;
  pen.lineWidth = width;
  pen.stroke();
}

function drawWay(pen, points, { ink, card }) {
  if (points.length < 2) return;
  pen.beginPath();
  points.forEach(([u, v]) => pen.lineTo(u, v));
  for (const [style, width] of [[tone(card, 0.8), 4], [tone(ink), 1.6]]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.stroke();
  }
  pen.fillStyle = tone(ink);
  let last = [-99, -99];  // short steps would make one thick line of their dots
  for (const [u, v] of points) {
    if (Math.hypot(u - last[0], v - last[1]) < 8) continue;
    last = [u, v];
    pen.beginPath();
    pen.arc(u, v, 2.4, 0, 7);
    pen.fill();
  }
}

// downhill: in pixels, up being up.
function drawArrow(pen, [u, v], [du, dv], { card, "neg-line": colour }) {
  const length = Math.hypot(du, dv), [a, b] = [du / length, -dv / length], end = [u + length * a, v - dv];
  const head = (back, aside) => [end[0] - back * a - aside * b, end[1] - back * b + aside * a];
  for (const [style, width] of [[tone(card), 6], [tone(colour), 3]]) {
    pen.strokeStyle = pen.fillStyle = style;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(u, v);
    pen.lineTo(...head(6, 0));
    pen.stroke();
    pen.beginPath();
    for (const corner of [end, head(11, 6), head(11, -6)]) pen.lineTo(...corner);
    pen.closePath();
    pen.fill();
    if (width > 3) pen.stroke();
  }
}

// The panel ---------------------------------------------------------------------------------------

const MAP_PANEL = {
  id: "map",
  title: "Map",
  modes: ["explore"],
  isNeeded: (app) => !app.graph.fixed && app.moving.size > 1,
  build(app, body) {
    const [across, up] = ["across", "up"].map((name) => h("select", { id: `map-${name}`, "aria-label": `Leaf that goes ${name === "up" ? "up" : "to the right"}`, onchange: (event) => this._pick(app, event.target) }));
    this.selects = [across, up];
    this.choice = h("p", { class: "choice" }, across, " and ", up);
    this.canvas = h("canvas", { role: "img" });
    this.handle = h("button", { type: "button", class: "handle", onkeydown: (event) => this._key(app, event) });
    this.frame = h("div", { class: "frame" }, this.canvas, this.handle);
    this.ends = ["top", "bottom", "left", "right"].map((name) => h("span", { class: `number ${name}`, "aria-hidden": "true" }));
    const zoom = (text, label, factor) => h("button", { type: "button", "aria-label": label, title: label, onclick: () => this._zoom(app, factor) }, text);
    this.zoom = h("div", { class: "zoom-map" }, zoom("\u2212", "Show more of the map", 2), zoom("+", "Show less of the map", 0.5));
    this.whole = h("div", { class: "terrain" }, this.frame, ...this.ends, this.zoom);
    this.caption = h("p", { class: "hint" });
    body.append(this.choice, this.whole, this.caption);
    this.drawing = new MapDrawing(this.canvas);
    this._drag(app);
    app.on("reset", () => { this.window = null; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => app.paintSoon());
  },
  paint(app) {
    const pair = this.pairOf(app), title = this.element.querySelector("h2"), root = app.graph.names[app.graph.root];
    this.whole.hidden = this.caption.hidden = !pair;
    this.element.classList.toggle("closed", !pair);
    if (!pair) { title.replaceChildren("Map of ", code(cut(root, 14)), " over"); return; }
    const names = pair.map((i) => cut(app.graph.names[i], 14));
    title.replaceChildren(code(cut(root, 14)), " over ", code(names[0]), " (right) and ", code(names[1]), " (up)");
    if (String(pair) !== String(this.pair)) { this.pair = pair; this.window = null; }
    const point = pair.map((i) => app.graph.data[i]);
    this._follow(point);
    // A window of other numbers may still be there; without one there is nothing to hold or to zoom.
    this.whole.hidden = !this.window;
    if (!this.window) {
      const i = pair[Number.isFinite(point[0]) ? 1 : 0];
      this.caption.replaceChildren(code(app.graph.names[i]), ` is ${plain(app.graph.data[i])}: a map is drawn around finite numbers.`);
      return;
    }
    this._compute(app);
    this._show(app, point);
  },

  // The two that move; or those that are picked, of more.
  pairOf(app) {
    const leaves = app.movingLeaves;
    this.choice.hidden = leaves.length === 2;
    if (leaves.length === 2) return leaves;
    const listed = leaves.slice(0, MAP.most);
    if (String(listed) !== this.listed) {
      this.listed = String(listed);
      for (const select of this.selects) {
        const before = select.value;
        select.replaceChildren(h("option", { value: "" }, DASH), ...listed.map((i) => h("option", { value: i }, cut(app.graph.names[i], 30))));
        if (listed.includes(Number(before)) && before) select.value = before;
      }
    }
    const picked = this.selects.map(({ value }) => value);
    return picked.includes("") || picked[0] === picked[1] ? null : picked.map(Number);
  },

  // The map goes to the top once there is one.
  _pick(app, select) {
    app.paint();
    placeDescent(app, document.getElementById("scroll"));
    select.focus();
    this.element.scrollIntoView({ block: "nearest" });
  },

  // The window goes where the point goes, and is at first around zero.
  _follow(point) {
    if (!point.every(Number.isFinite)) return;
    const { window } = this, size = Math.max(...point.map(Math.abs));
    if (window) {
      const away = Math.max(Math.abs(point[0] - window.x), Math.abs(point[1] - window.y));
      if (away <= window.half) return;
      if (away <= 3 * window.half && window.isNear) { this.window = { ...window, x: point[0], y: point[1] }; return; }
    }
    this.window = { x: 0, y: 0, half: niceAbove(1.25 * Math.max(size, 0.8)), isNear: false };
  },

  _zoom(app, factor) {
    const { half } = this.window, [x, y] = this.pair.map((i) => app.graph.data[i]);
    if (!Number.isFinite(x + y) || !(half * factor > 1e-9 * Math.max(Math.abs(x), Math.abs(y), 1e-3)) || !(half * factor < 1e300)) return;
    this.window = { x, y, half: half * factor, isNear: true };
    app.paintSoon();
  },

  // Anew where the window or another leaf has moved.
  _compute(app) {
    const { graph } = app, others = [];
    for (let i = 0; i < graph.size; i++) if (graph.isLeaf(i) && !this.pair.includes(i)) others.push(graph.data[i]);
    const isSame = this.terrain?.window === this.window && this.others.length === others.length
      && others.every((x, k) => Object.is(x, this.others[k]));
    if (isSame || !this.window) return;
    this.terrain?.cancel();
    this.others = others;
    this.terrain = new Terrain(app, this.pair, this.window, () => app.paintSoon());
  },

  _show(app, point) {
    const { graph } = app, { terrain, pair, handle } = this;
    if (!terrain) return;
    const isSeen = point.every(Number.isFinite), { x, y, half } = terrain.window;
    const downhill = isSeen ? this._downhill(graph) : null;
    const way = descent.points.slice(-MAP.drawn).map((numbers) => pair.map((i) => numbers.get(i))).filter((p) => p.every(Number.isFinite));
    this.drawing.draw(terrain, isSeen ? point : null, downhill, way, graph.data[graph.root]);
    handle.hidden = !isSeen;
    handle.style.left = `${50 * ((point[0] - x) / half + 1)}%`;
    handle.style.top = `${50 * (1 - (point[1] - y) / half)}%`;
    const said = pair.map((i) => `${graph.names[i]} = ${plain(graph.data[i])}`).join(", ");
    setLabel(handle, `${said}: arrow keys move the point`);
    setLabel(this.canvas, `Level curves of ${graph.names[graph.root]} around ${said}`);
    [y + half, y - half, x - half, x + half].forEach((number, k) => setText(this.ends[k], five(number)));
    this.caption.replaceChildren(...this._about(graph, downhill, point));
  },

  // Along the negative gradient by the two, in pixels: as far as the next step leads, within reason.
  _downhill(graph) {
    const slopes = this.pair.map((i) => -graph.grads[i]), size = Math.hypot(...slopes), side = this.canvas.clientWidth;
    if (!(size > 0 && size < Infinity)) return null;
    const length = Math.max(34, Math.min(0.4 * side, descent.eta * size * side / (2 * this.window.half)));
    return slopes.map((slope) => slope / size * length);
  },

  // That the arrow stands at right angles is said where the root, a little aside, stays what it is.
  _about(graph, downhill, point) {
    const { pair, window, terrain } = this, parts = [];
    const slopes = pair.map((i) => graph.grads[i]), size = Math.hypot(...slopes), e = 1e-4 * window.half;
    if (downhill) {
      const [a, b] = slopes.map((slope) => slope / size * e), above = Above.of(graph, ...pair), here = above.root(...point);
      const change = (u, v) => Math.abs(above.root(point[0] + u, point[1] + v) - here);
      const isLevel = Math.max(change(-b, a), change(b, -a)) <= 0.05 * size * e;
      parts.push("The arrow points along ", code("\u2212\u2207"), isLevel ? ", at right angles to the level curve. " : ". ");
    } else if (size === 0) {
      parts.push("The gradient by these two is 0 here. ");
    }
    if (terrain.stride === 1 && terrain.step) parts.push("A thin curve for every ", code(five(terrain.step)), " of ", code(graph.names[graph.root]), ".");
    if (terrain.hasHoles) parts.push(" Hatched: no number.");
    return parts;
  },

  // In the hand ----------------------------------------------------------------------------------

  _put(app, numbers) { app.setAll(new Map(this.pair.map((i, k) => [i, numbers[k]]))); },

  _drag(app) {
    let held = null;
    const move = (event) => {
      const box = this.canvas.getBoundingClientRect(), { x, y, half } = this.window;
      const part = (value, from, size) => 2 * Math.min(1, Math.max(0, (value - from) / size)) - 1;
      const step = 10 ** Math.floor(Math.log10(2 * half / box.width));
      this._put(app, [x + half * part(event.clientX, box.left, box.width), y - half * part(event.clientY, box.top, box.height)]
        .map((number) => rounded(number, step)));
    };
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.button > 0 || (event.pointerType === "touch" && event.target !== this.handle)) return;
      held = event.pointerId;
      this.frame.setPointerCapture(held);
      if (event.target !== this.handle) move(event);
      this.handle.focus({ preventScroll: true });
      event.preventDefault();
    });
    this.frame.addEventListener("pointermove", (event) => { if (event.pointerId === held) move(event); });
    for (const end of ["pointerup", "pointercancel"]) this.frame.addEventListener(end, () => { held = null; });
    // A finger scrolls the page, so it taps where the point shall go.
    this.canvas.addEventListener("click", (event) => { if (event.pointerType === "touch") move(event); });
  },

  _key(app, event) {
    if (event.ctrlKey || event.metaKey) return;
    if ("+-=".includes(event.key)) {
      this._zoom(app, event.key === "-" ? 2 : 0.5);
      event.preventDefault();
      return;
    }
    const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const fine = niceAbove(this.window.half / 100), step = fine * finer(event);
    const numbers = this.pair.map((i) => app.graph.data[i]);
    this._put(app, [numbers[0] + dx * step, numbers[1] + dy * step].map((number) => rounded(number, fine / 10)));
    app.say(`${this.pair.map((i) => `${app.graph.names[i]} = ${plain(app.graph.data[i])}`).join(", ")}, `
      + `${app.graph.names[app.graph.root]} = ${plain(app.graph.data[app.graph.root])}`);
  },
};
PANELS.unshift(MAP_PANEL);
