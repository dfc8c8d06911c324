// Step: the pass one node or one edge at a time, and before it, if one likes, the forward pass. What
// a step says is what the Stepper says. Every moment is computed from where the pass stands, on the
// numbers as they are now, so that going back needs no rule of its own.

const EDGES_SHOWN = 8;
const TERMS_SHOWN = 4;
const HELD_SHOWN = 4;
const NAIVE_SHOWN = 60;
const SECONDS_A_STEP = 1.6;

// Where the pass stands. Of the forward pass ``values`` are computed; then ``nodes`` are finished, and
// ``edges`` of the next one are taken.
class Walk {
  constructor(graph, { position, edges, values }) {
    this.graph = graph;
    this.order = readingOrder(graph).filter((i) => !graph.isLeaf(i));
    this.rank = new Map(this.order.map((i, k) => [i, k]));
    // How many moments lie before each node of the pass, if one goes by edges.
    this.starts = [0];
    for (let i = graph.root; i >= 0; i--) {
      this.starts.push(this.starts[graph.root - i] + Math.max(1, graph.edgesOf(i).length));
    }
    this.withForward = values !== null;
    this.byEdge = edges > 0;
    this.stand(values ?? this.order.length, position, edges);
  }

  stand(values, nodes, edges = 0) {
    this.values = values;
    this.nodes = nodes;
    this.edges = edges;
  }

  get isForward() { return this.withForward && this.nodes + this.edges === 0; }

  get isAtStart() { return this.nodes + this.edges === 0 && !(this.withForward && this.values); }

  get isAtEnd() { return this.nodes === this.graph.size; }

  // The node that was taken last, or part of it; null before the first.
  get node() {
    if (this.isForward) return this.values ? this.order[this.values - 1] : null;
    if (this.edges) return this.graph.root - this.nodes;
    return this.nodes ? this.graph.root - this.nodes + 1 : null;
  }

  // The edges of that node that are taken: of an operation's value, all.
  get taken() {
    if (this.node === null) return [];
    const edges = this.graph.edgesOf(this.node);
    return this.edges ? edges.slice(0, this.edges) : edges;
  }

  // The edges that were taken last.
  get active() { return this.byEdge && !this.isForward ? this.taken.slice(-1) : this.taken; }

  isTaken(edge) {
    const place = this.graph.root - this.graph.consumer[edge];
    if (place !== this.nodes || !this.edges) return place < this.nodes;
    return this.graph.edgesOf(this.graph.root - place).indexOf(edge) < this.edges;
  }

  get totals() { return this.graph.totals(this.nodes, this.edges); }

  next() {
    const { values, nodes, edges, order, graph } = this;
    if (values < order.length) this.stand(values + 1, 0);
    else if (this.byEdge && edges + 1 < graph.edgesOf(graph.root - nodes).length) this.stand(values, nodes, edges + 1);
    else if (!this.isAtEnd) this.stand(values, nodes + 1);
  }

  back() {
    const { values, nodes, edges, graph } = this;
    if (edges) this.stand(values, nodes, this.byEdge ? edges - 1 : 0);
    else if (nodes) {
      const last = graph.edgesOf(graph.root - nodes + 1).length - 1;
      this.stand(values, nodes - 1, this.byEdge ? Math.max(0, last) : 0);
    } else if (this.withForward && values) this.stand(values - 1, 0);
  }

  first() { this.stand(this.withForward ? 0 : this.order.length, 0); }

  last() { this.stand(this.order.length, this.graph.size); }

  // To the step of a node; during the forward pass, to where it has its value.
  to(node) {
    if (!this.isForward) this.stand(this.order.length, this.graph.root - node + 1);
    else if (this.rank.has(node)) this.stand(this.rank.get(node) + 1, 0);
  }

  // All moments as numbers from 0, for the slider.
  get most() { return this._before + (this.byEdge ? this.starts[this.graph.size] : this.graph.size); }

  get moment() {
    if (this.withForward && this.values < this.order.length) return this.values;
    return this._before + (this.byEdge ? this.starts[this.nodes] + this.edges : this.nodes);
  }

  set moment(moment) {
    const place = moment - this._before;
    if (place < 0) this.stand(moment, 0);
    else if (!this.byEdge) this.stand(this.order.length, place);
    else {
      let nodes = 0;
      while (nodes < this.graph.size && this.starts[nodes + 1] <= place) nodes++;
      this.stand(this.order.length, nodes, place - this.starts[nodes]);
    }
  }

  get _before() { return this.withForward ? this.order.length : 0; }
}

// What an edge makes of its operand's gradient; of a leaf on top of what it held before the pass.
function receipt(app, walk, edge) {
  const { graph } = app, i = graph.consumer[edge], x = graph.operands[edge];
  const place = graph.root - i, count = graph.edgesOf(i).indexOf(edge);
  const before = graph.totals(place, count), after = graph.totals(place, count + 1);
  const held = app.pass.held[x], reported = after.reports[x];
  return {
    before: reported > 1 ? (held ?? 0) + before.grads[x] : held ?? null,
    after: (held ?? 0) + after.grads[x],
    reported,
    consumers: graph.uses[x].length,
    held: reported === 1 ? held : undefined,
  };
}

// The mode ---------------------------------------------------------------------------------------

const stepping = { walk: null, timer: null, naive: null, isNaiveShown: false, isNew: true };

MODES.step = {
  title: "Step",
  enter(app) { walkOf(app); stepping.isNew = true; },
  leave(app) { pause(app); },
  pick(app, node) { moveBy(app, (walk) => walk.to(node)); },
  focus: (app) => walkOf(app).node ?? app.graph.root,
  moment(app) {
    const { graph, pass } = app, walk = walkOf(app), { node } = walk;
    const { grads, reports } = walk.totals, hasBegun = walk.nodes + walk.edges > 0;
    const active = new Set(walk.active);
    return {
      data: (i) => (walk.isForward && walk.rank.get(i) >= walk.values ? DASH : short(graph.data[i])),
      grad: (i) => (reports[i] || (i === graph.root && hasBegun) ? (pass.held[i] ?? 0) + grads[i] : null),
      note: (i) => (reports[i] && graph.uses[i].length > 1 ? `${reports[i]}/${graph.uses[i].length}` : ""),
      sent: (e) => (walk.isTaken(e) ? graph.sent[e] : null),
      local: (e) => walk.isTaken(e),
      now: node,
      active,
    };
  },
  keys: {
    ArrowRight: (app) => moveBy(app, (walk) => walk.next()),
    ArrowLeft: (app) => moveBy(app, (walk) => walk.back()),
    Home: (app) => moveBy(app, (walk) => walk.first()),
    End: (app) => moveBy(app, (walk) => walk.last()),
    " ": (app) => (stepping.timer ? pause(app) : play(app)),
  },
  paint(app) {
    if (!stepping.isNew) return;
    stepping.isNew = false;
    const { graph } = app, walk = walkOf(app);
    const node = walk.node ?? (walk.withForward ? walk.order[0] ?? graph.root : graph.root);
    const near = walk.active.map((e) => graph.operands[e]);
    view?.reveal(...[node, ...near].map((i) => app.picture.elementOf(i)));
  },
};

function walkOf(app) {
  stepping.walk ??= new Walk(app.graph, app.pass);
  return stepping.walk;
}

// A movement by hand ends the playing, which would soon undo it.
function moveBy(app, move, isByHand = true) {
  if (isByHand) pause(app);
  const walk = walkOf(app);
  move(walk);
  stepping.isNew = true;
  if (walk.isAtEnd) pause(app);
  app.say(spokenStep(app, walk));
  app.paintSoon();
}

function play(app) {
  if (walkOf(app).isAtEnd) moveBy(app, (walk) => walk.first());
  stepping.timer = setInterval(() => moveBy(app, (walk) => walk.next(), false), SECONDS_A_STEP * 1000);
  app.paintSoon();
}

function pause(app) {
  if (!stepping.timer) return;
  clearInterval(stepping.timer);
  stepping.timer = null;
  app.paintSoon();
}

// The step in one breath, for those who hear the page.
function spokenStep(app, walk) {
  const { graph } = app, { node } = walk, { names } = graph, of = names[graph.root];
  if (node === null) return walk.withForward ? "Before the forward pass" : "Before the pass";
  if (walk.isForward) return `Value ${walk.values} of ${walk.order.length}: ${names[node]} = ${plain(graph.data[node])}`;
  const received = walk.taken.slice(0, EDGES_SHOWN)
    .map((e) => `${names[graph.operands[e]]} receives ${signed(graph.sent[e])}`);
  return [`Step ${graph.root - node + 1} of ${graph.size}: ${names[node]}`,
    `${derivativeText(of, names[node])} = ${signed(graph.grads[node])}`, ...received].join("; ");
}

// The strip --------------------------------------------------------------------------------------

const ICONS = {
  first: "M6 5h2.5v14H6zM19 5v14L9.5 12z",
  last: "M15.5 5H18v14h-2.5zM5 5v14l9.5-7z",
  play: "M7 4.5v15L20 12z",
  pause: "M6.5 5h4v14h-4zM13.5 5h4v14h-4z",
};

function icon(name) {
  return s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}

function checkBox(id, text, f) {
  return h("label", { class: "check", for: id }, h("input", { type: "checkbox", id, onchange: f }), text);
}

PANELS.push({
  id: "steps",
  label: "Steps",
  where: "strip",
  modes: ["step"],
  build(app, body) {
    const { keys } = MODES.step, walk = walkOf(app);
    const button = (id, key, title, ...inner) =>
      h("button", { type: "button", id, title, "aria-label": id === "play" ? "Play" : null, onclick: () => keys[key](app) }, ...inner);
    const pace = (id, text, byEdge) => h("button", {
      type: "button", id, onclick: () => { walk.byEdge = byEdge; moveBy(app, () => {}); },
    }, text);
    const slider = h("input", {
      type: "range", id: "slider", min: 0, step: 1, "aria-label": "Moment of the pass",
      oninput: () => moveBy(app, () => { walk.moment = Number(slider.value); }),
    });
    body.append(
      h("div", { class: "movements", role: "group", "aria-label": "Movements" },
        button("first", "Home", "First (Home)", icon("first"), h("span", { class: "unseen" }, "First")),
        button("back", "ArrowLeft", "Back (left arrow)", "Back"),
        button("play", " ", "Play (space)", icon("play")),
        button("next", "ArrowRight", "Next (right arrow)", "Next"),
        button("last", "End", "Last (End)", icon("last"), h("span", { class: "unseen" }, "Last"))),
      slider, h("output", { id: "where", for: "slider" }),
      h("div", { class: "pace", role: "group", "aria-label": "How far a step goes" },
        pace("by-node", "by node", false), pace("by-edge", "by edge", true)),
      checkBox("with-forward", "forward pass first", (event) => {
        walk.withForward = event.target.checked;
        moveBy(app, () => (walk.withForward ? walk.first() : walk.stand(walk.order.length, walk.nodes, walk.edges)));
      }));
    for (const event of ["change", "reset"]) app.on(event, () => { stepping.naive = null; });
    document.addEventListener("visibilitychange", () => { if (document.hidden) pause(app); });
  },
  paint(app) {
    const walk = walkOf(app), at = (id) => document.getElementById(id);
    at("slider").max = walk.most;
    at("slider").value = walk.moment;
    at("slider").setAttribute("aria-valuetext", spokenStep(app, walk));
    setText(at("where"), whereText(app.graph, walk));
    // Not disabled: a button that is would lose the focus.
    for (const id of ["first", "back"]) at(id).setAttribute("aria-disabled", walk.isAtStart);
    for (const id of ["next", "last"]) at(id).setAttribute("aria-disabled", walk.isAtEnd);
    const isPlaying = Boolean(stepping.timer), name = isPlaying ? "Pause" : "Play";
    if (at("play").getAttribute("aria-label") !== name) at("play").replaceChildren(icon(name.toLowerCase()));
    setLabel(at("play"), name);
    at("by-node").setAttribute("aria-pressed", !walk.byEdge);
    at("by-edge").setAttribute("aria-pressed", walk.byEdge);
    at("with-forward").checked = walk.withForward;
  },
});

function whereText(graph, walk) {
  const of = (count, total) => `${count.toLocaleString("en")} / ${total.toLocaleString("en")}`;
  if (walk.isForward && walk.values < walk.order.length) return `value ${of(walk.values, walk.order.length)}`;
  const edges = walk.edges ? `, edge ${of(walk.edges, graph.edgesOf(walk.node).length)}` : "";
  return of(walk.nodes + (walk.edges > 0), graph.size) + edges;
}

// The step in words ------------------------------------------------------------------------------

PANELS.push({
  id: "this-step",
  label: "This step",
  modes: ["step"],
  paint(app, body) {
    const walk = walkOf(app);
    const tell = walk.node === null ? tellStart : walk.isForward ? tellValue : tellStep;
    replaceWithin(body, ...tell(app, walk));
  },
});

function stepHeading(which, origin = "") {
  return h("h2", {}, which, origin ? h("bdi", { class: "origin code" }, origin) : null);
}

function tellStart({ graph, pass }, walk) {
  const root = code(graph.names[graph.root]);
  if (walk.withForward) {
    return [stepHeading("Before the forward pass"),
      h("p", {}, "Only leaves have a number. An operation gets its own when all of its operands have theirs, and ",
        root, " comes last. Press Next, or the right arrow key.")];
  }
  const held = Object.entries(pass.held);
  const notices = held.slice(0, HELD_SHOWN).map(([i, was]) => h("p", { class: "stale" }, code(graph.names[i]), ` ${heldText(was)}`));
  if (held.length > HELD_SHOWN) notices.push(h("p", { class: "stale" }, `and ${held.length - HELD_SHOWN} leaves more`));
  return [stepHeading("Before the pass"),
    h("p", {}, "All data is known, and no gradient. The pass starts at ", root, ", whose derivative by itself is 1, and goes back "
      + `to the leaves: ${counted(graph.size, "Value")}, each when all of its consumers have reported. Press Next, or the right arrow key.`),
    ...notices];
}

// A value of the forward pass: e = a * b = 2 * (-3) = -6.
function tellValue({ graph, pass }, walk) {
  const { node } = walk, name = graph.names[node];
  const parts = [stepHeading(`Value ${walk.values} of ${walk.order.length}`, pass.made_at[node]),
    h("p", { class: "headline" }, code(name, "own"), ...madeOf(graph, node), " = ", code(madeInNumbers(graph, node)), " = ",
      numeral(graph.data[node], signed(graph.data[node]), "large quiet"))];
  if (node === graph.root) {
    parts.push(h("p", {}, "That was the last value. Now the pass goes back, and every node gets its gradient."));
  }
  return parts;
}

// A step of the pass: what has come together at a node, and what it reports to its operands.
function tellStep(app, walk) {
  const { graph, pass } = app, { node, taken } = walk, number = graph.root - node + 1;
  const edges = graph.edgesOf(node);
  const of = taken.length < edges.length ? `, edge ${taken.length} of ${edges.length}` : "";
  const parts = [stepHeading(`Step ${number.toLocaleString("en")} of ${graph.size.toLocaleString("en")}${of}`, pass.made_at[node]),
    h("p", { class: "made" }, code(graph.names[node], "own"), ...madeOf(graph, node),
      graph.isLeaf(node) ? [" = ", h("span", { class: "number" }, signed(graph.data[node])), " (leaf)"] : null),
    ...gradientLines(app, node)];
  if (!app.picture.isOpen(node)) parts.push(openingOf(app, node));
  // Of many, those next to the one that was taken last.
  const isTail = Boolean(of) || walk.byEdge, from = isTail ? Math.max(0, taken.length - EDGES_SHOWN) : 0;
  const shown = taken.slice(from, from + EDGES_SHOWN), others = taken.filter((e) => !shown.includes(e));
  const rows = shown.map((e) => h("li", { class: walk.byEdge && walk.active.includes(e) ? "report latest" : "report" },
    reportOf(app, walk, e)));
  if (others.length) {
    rows.push(h("li", {}, `and ${counted(others.length, isTail ? "earlier edge" : "more edge")}, with contributions of `,
      numeral(sumOf(others.map((e) => graph.sent[e]))), " in all"));
  }
  if (rows.length) parts.push(h("ul", { class: "uses" }, rows));
  parts.push(...waiting(app, walk, shown));
  if (!edges.length) {
    parts.push(h("p", { class: "hint" }, code(graph.names[node]), ` is ${graph.isLeaf(node) ? "a leaf" : "made of plain numbers"}: `
      + "its gradient is final, and there is nobody to hand it on to."));
  }
  if (walk.isAtEnd) parts.push(h("p", { class: "last" }, "That was the last one: every gradient is final."));
  return parts;
}

// Where the node is, if its card is not in the picture.
function openingOf(app, node) {
  const box = app.picture.elementOf(node).dataset.group;
  return h("p", { class: "hint inside" }, "inside ", code(app.pass.groups[box].title), " ", h("button", {
    type: "button", id: "open-box", onclick: () => {
      openGroup(Number(box));
      stepping.isNew = true;
      app.paint();
      (document.getElementById("open-box") ?? document.getElementById("next")).focus({ preventScroll: true });
    },
  }, "Open"));
}

// dL/de = +3 + -5 = -2, and that all who use the node have reported.
function gradientLines({ graph, pass }, node) {
  const grad = graph.grads[node], terms = graph.uses[node].map((e) => graph.sent[e]), held = pass.held[node];
  const line = h("p", { class: "headline" }, h("span", { class: "words" }, graph.isLeaf(node) ? "gradient " : "upstream "),
    derivative(graph.names[graph.root], graph.names[node]), " = ");
  if (terms.length > 1 && terms.length <= TERMS_SHOWN) {
    const digits = digitsEnough(terms, sumOf, grad);
    terms.forEach((term, k) => line.append(k ? " + " : "", numeral(term, signed(term, digits || 6))));
    line.append(" = ", numeral(grad, signed(grad), "large"), digits ? "" : " in floats");
  } else {
    line.append(numeral(grad, signed(grad), "large"));
  }
  if (terms.length > TERMS_SHOWN) line.append(`, the sum of ${terms.length} contributions`);
  const state = node === graph.root ? "final (the pass starts here)"
    : `final (${terms.length}/${terms.length} consumers reported)`;
  const lines = [line, h("p", { class: "final" }, state)];
  if (held !== undefined) {
    lines.push(h("p", { class: "stale" }, "grad = ", h("span", { class: "number" }, signed(held + grad)), ` ${heldText(held)}`));
  }
  return lines;
}

// What a step hands to one operand, and what that makes of the operand's gradient.
function reportOf(app, walk, edge) {
  const { graph } = app, x = graph.operands[edge], name = graph.names[x];
  const { before, after, reported, consumers, held } = receipt(app, walk, edge);
  const isWhole = consumers === 1, isFinal = reported === consumers;
  const called = isWhole ? derivative(graph.names[graph.root], name) : h("span", { class: "words" }, "contribution");
  return [
    h("span", { class: "to" }, h("span", {}, "\u2192 ", code(name, "own"), h("span", { class: "words" }, operandOf(graph, edge))),
      h("span", { class: isFinal ? "final" : "so-far" }, `${isFinal ? "final" : "so far"} (${reported}/${consumers})`)),
    h("span", { class: "equation" }, called, " = ", productOf(graph, edge, true)),
    slopeOf(graph, edge, true),
    h("span", { class: "arrived" }, h("span", { class: "words" }, "grad "),
      h("span", { class: "number" }, before === null ? DASH : signed(before)), " \u2192 ", numeral(after)),
    held === undefined ? null : h("span", { class: "stale" }, heldText(held))];
}

// The operands of a step that are not complete yet, which is why the pass leaves them aside.
function waiting({ graph }, walk, edges) {
  const { reports } = walk.totals, operands = [...new Set(edges.map((e) => graph.operands[e]))];
  return operands.filter((x) => reports[x] < graph.uses[x].length).map((x) => h("p", { class: "hint waits" }, code(graph.names[x]),
    ` waits: ${reports[x]}/${graph.uses[x].length} consumers reported`));
}

function heldText(held) { return `was ${signed(held)} before this pass: no zero_grad`; }

// What is lost of each sum is kept and added last (Neumaier, 1974).
function sumOf(numbers) {
  let total = 0, lost = 0;
  for (const x of numbers) {
    const next = total + x;
    lost += Math.abs(total) >= Math.abs(x) ? total - next + x : x - next + total;
    total = next;
  }
  return Number.isFinite(lost) ? total + lost : total;
}

// In another order -------------------------------------------------------------------------------

PANELS.push({
  id: "naive",
  label: "Another order",
  modes: ["step"],
  isNeeded: (app) => naiveOf(app).differing.length > 0,
  build(app, body) {
    body.append(checkBox("show-naive", "what if a node did not wait?", (event) => {
      stepping.isNaiveShown = event.target.checked;
      app.paintSoon();
    }), h("div", { id: "naive-table" }));
  },
  paint(app) {
    const place = document.getElementById("naive-table");
    if (stepping.isNaiveShown) replaceWithin(place, ...tellNaive(app));
    else place.replaceChildren();
  },
});

// The walk that does not wait, and where it differs; sums in another order may do so in the last bits.
function naiveOf({ graph }) {
  if (stepping.naive) return stepping.naive;
  const walk = graph.naive(), { grads, reached } = graph.totals(graph.size);
  const isClose = (x, y) => Object.is(x, y) || x === y || Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y));
  const differing = [];
  for (let i = graph.root; i >= 0; i--) {
    const [right, wrong] = [reached[i] ? grads[i] : 0, walk.grads[i]];
    if (graph.uses[i].length && !isClose(right, wrong)) differing.push(i);
  }
  stepping.naive = { ...walk, differing, right: grads };
  return stepping.naive;
}

function tellNaive(app) {
  const { graph } = app, { names } = graph, { grads, passed, order, differing, right } = naiveOf(app);
  const hasHurried = (i) => !graph.isLeaf(i) && passed.reports[i] < graph.uses[i].length;
  const first = order.find(hasHurried);
  const parts = [];
  if (first !== undefined) {
    parts.push(h("p", {}, "Depth first, ", code(names[first]), " passes on ", numeral(passed.grads[first]),
      ` after ${passed.reports[first]} of ${graph.uses[first].length} reports; its gradient is `, numeral(right[first]), "."));
  }
  const all = Array.from({ length: graph.size }, (_, k) => graph.root - k);
  const rows = (all.length > NAIVE_SHOWN ? differing : all);
  parts.push(h("table", {},
    h("thead", {}, h("tr", {}, ["node", "right", "naive"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows.slice(0, NAIVE_SHOWN).map((i) => h("tr", { class: differing.includes(i) ? "differs" : null },
      h("th", { scope: "row" }, code(names[i])),
      h("td", {}, numeral(right[i])), h("td", {}, numeral(grads[i])))))));
  if (rows.length > NAIVE_SHOWN) parts.push(h("p", { class: "hint" }, `and ${counted(rows.length - NAIVE_SHOWN, "more node")} with another gradient`));
  return parts;
}
