// What everything in the page shares: the graph, what is chosen, and when to paint. Modes, panels and
// functions for scripts enter themselves in these lists; ``main.js``, the last file, starts the page.

const MODES = {};   // name: {title, moment(app), enter?(app), leave?(app), arrange?(app, room), keys?: {key: f(app)}, paint?(app)}
const PANELS = [];  // {id, title, modes, paint(app, body), build?(app, body), where?: "side" or "strip"}
const SCRIPTING = {};  // what window.stepgrad has besides

class App {
  constructor(pass) {
    this.pass = pass;
    for (const leaf of Object.keys(pass.held)) pass.held[leaf] = unpacked(pass.held[leaf])[0];
    this.graph = new Graph(pass, OPERATIONS);
    this.leaves = readingOrder(this.graph).filter((i) => this.graph.isLeaf(i));
    this.moving = new Set(pass.trainable);
    this.chosen = this.movingLeaves[0] ?? this.graph.root;
    this.given = new Set();  // leaves that never move
    this.headline = null;    // what stands in the headline in place of the formula: () => parts
    this.mode = "";
    this.ordinals = true;
    this.listeners = { change: [], reset: [], choose: [] };
    this.svg = document.getElementById("picture");
    this.stage = document.getElementById("stage");
    this.picture = new Picture(this, this.svg);
    this._byName = new Map(this.graph.names.map((name, i) => [name, i]));
    this._isWaiting = false;
  }

  // As one reads them.
  get movingLeaves() { return this.leaves.filter((i) => this.moving.has(i)); }

  on(event, listener) { this.listeners[event].push(listener); }

  _tell(event, ...about) { for (const listener of this.listeners[event]) listener(...about); }

  // The node of a name, or undefined.
  place(name) { return this._byName.get(name); }

  // The number that a name stands for where something is typed.
  known(name) {
    const place = this._byName.get(name);
    return place === undefined ? undefined : this.graph.data[place];
  }

  set(leaf, number, by = "hand") {
    if (!this.graph.set(leaf, number)) return;
    this._tell("change", leaf, by);
    this.paintSoon();
  }

  // Several leaves at once: a Map from leaf to number.
  setAll(numbers, by = "hand") {
    for (const [leaf, number] of numbers) this.graph.data[leaf] = number;
    this.graph.compute();
    this._tell("change", null, by);
    this.paintSoon();
  }

  reset() {
    this.graph.reset();
    this._tell("reset");
    this.paintSoon();
  }

  choose(node) {
    if (this.chosen === node) return;
    this.chosen = node;
    this._tell("choose", node);
    this.paintSoon();
  }

  toggleMoving(leaf) {
    if (this.given.has(leaf)) return;
    if (!this.moving.delete(leaf)) this.moving.add(leaf);
    this._tell("choose", this.chosen);
    this.paintSoon();
  }

  enter(mode) {
    if (!Object.hasOwn(MODES, mode) || mode === this.mode) return;
    MODES[this.mode]?.leave?.(this);
    this.mode = mode;
    document.body.dataset.mode = mode;
    MODES[mode].enter?.(this);
    this.paintSoon();
  }

  // One painting a frame, however much has changed; a hidden page has no frames.
  paintSoon() {
    if (this._isWaiting) return;
    this._isWaiting = true;
    const paint = () => { this._isWaiting = false; this.paint(); };
    if (document.hidden) setTimeout(paint, 50);
    else requestAnimationFrame(paint);
  }

  paint() {
    const mode = MODES[this.mode];
    this.picture.paint(mode.moment(this));
    paintHeadline(this);
    for (const panel of PANELS) {
      const isShown = panel.modes.includes(this.mode) && (panel.isNeeded?.(this) ?? true);
      panel.element.hidden = !isShown;
      if (isShown) panel.paint(this, panel.body);
    }
    mode.paint?.(this);
    setText(document.getElementById("hint"), mode.hint?.(this) ?? "");
    for (const button of document.querySelectorAll("#modes button")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    }
  }

  // For those who hear the page.
  say(sentence) { setText(document.getElementById("spoken"), sentence); }

  // A sentence that everybody sees.
  notice(sentence) {
    const place = document.getElementById("notice");
    place.hidden = !sentence;
    setText(place, sentence);
  }
}

// The whole formula of the root: on names, on numbers, and what it gives.
function paintHeadline({ graph, pass, headline }) {
  const root = graph.root, title = document.getElementById("formula");
  if (headline) { title.replaceChildren(...headline()); return; }
  const name = graph.names[root], parts = [];
  if (pass.formula) {
    const written = (call) => pass.formula.map((piece) => (typeof piece === "number" ? call(piece) : piece)).join("");
    const numbers = written((i) => { const x = plain(graph.data[i]); return x[0] === "-" ? `(${x})` : x; });
    const names = written((i) => graph.names[i]);
    if (name !== names) parts.push(code(name, "own"), " = ");
    parts.push(code(names), " = ");
    if (numbers !== plain(graph.data[root])) parts.push(code(numbers, "numbers"), " = ");
  } else if (graph.made[root] && graph.made[root] !== name) {
    parts.push(code(name, "own"), " = ", code(graph.made[root]), " = ");
  } else {
    parts.push(code(name, "own"), " = ");
  }
  title.replaceChildren(...parts, numeral(graph.data[root], plain(graph.data[root]), "result"));
}
