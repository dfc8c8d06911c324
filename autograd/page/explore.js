// Explore: take a leaf by its card and move it, type a number, or use the arrow keys; and the panel
// that writes the chain rule for the node that is chosen.

const USES_SHOWN = 4;
const NAMES_LISTED = 2000;

function isTouched() { return matchMedia("(pointer: coarse)").matches; }

MODES.explore = {
  title: "Explore",
  hint({ graph }) {
    return graph.fixed ? "" : `Drag a leaf sideways, or ${isTouched() ? "tap twice" : "press Enter on it"} and type. \u25cf moves in descent.`;
  },
  moment(app) {
    const { graph } = app;
    return {
      grad: (i) => graph.grads[i],
      note: () => "",
      sent: (e) => graph.sent[e],
      local: () => true,
      now: null,
    };
  },
};

// Moving a leaf ----------------------------------------------------------------------------------

// How far one pixel, and one press of an arrow key, moves a number of this size.
function stepFor(number) {
  const size = Math.abs(number);
  return !Number.isFinite(size) || size < 1 ? 0.01 : 10 ** (Math.floor(Math.log10(size)) - 2);
}

function finer(event) { return event.shiftKey ? 10 : event.altKey ? 0.1 : 1; }

// A multiple of the step, without the digits that binary adds: 0.3, not 0.30000000000000004.
function rounded(number, step) { return Number((Math.round(number / step) * step).toPrecision(12)); }

function dragLeaves(app) {
  let drag = null;
  app.svg.addEventListener("pointerdown", (event) => {
    const card = event.target.closest(".card.leaf");
    if (!card || app.mode !== "explore" || event.button > 0 || app.graph.fixed) return;
    const node = Number(card.dataset.node);
    drag = { node, x: event.clientX, y: event.clientY, from: app.graph.data[node], card, id: event.pointerId };
    // The ground is not dragged with it; nor would the card then take the focus by itself.
    event.preventDefault();
    card.focus({ preventScroll: true });
  });
  addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const moved = event.clientX - drag.x;
    if (!drag.moved && Math.abs(moved) < 4) return;
    drag.moved = true;
    drag.card.classList.add("held");
    app.choose(drag.node);
    const from = Number.isFinite(drag.from) ? drag.from : 0;
    const step = stepFor(from) * finer(event);
    app.set(drag.node, rounded(from + moved * step, step));
    event.preventDefault();
  });
  // Chromium pans where a part of a picture is touched, whatever its touch-action; up and down it may.
  app.svg.addEventListener("touchmove", (event) => {
    const [finger] = event.touches;
    const isSideways = drag && Math.abs(finger.clientX - drag.x) > Math.abs(finger.clientY - drag.y);
    if (isSideways && event.touches.length === 1 && event.cancelable) event.preventDefault();
  }, { passive: false });
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => {
      drag?.card.classList.remove("held");
      app.justDragged = Boolean(drag?.moved);
      drag = null;
    });
  }
}

const ARROWS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

function leafKeys(app, node, event) {
  if (event.key === "m") { app.toggleMoving(node); return true; }
  if (event.key === "Enter" || event.key === "F2") { typeNumber(app, node); return true; }
  if (/^[-\d.]$/.test(event.key)) { typeNumber(app, node, event.key); return true; }
  const direction = ARROWS[event.key];
  if (!direction || app.graph.fixed) return false;
  const from = Number.isFinite(app.graph.data[node]) ? app.graph.data[node] : 0;
  const step = stepFor(from) * 10 * finer(event);
  app.set(node, rounded(from + direction * step, step / 10));
  app.say(`${app.graph.names[node]} = ${plain(app.graph.data[node])}, `
    + `${app.graph.names[app.graph.root]} = ${plain(app.graph.data[app.graph.root])}`);
  return true;
}

// A field over the card, which takes 1/3 as well; Escape leaves everything as it was.
function typeNumber(app, node, begin = null) {
  if (app.graph.fixed) { app.say(app.graph.fixed); return; }
  const card = app.picture.elementOf(node), name = app.graph.names[node];
  const place = card.getBoundingClientRect(), stage = app.stage.getBoundingClientRect();
  const field = h("input", {
    id: "typed", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false",
    "aria-label": `New number for ${name}`,
  });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const box = h("form", { class: "typing" }, field, problem);
  box.style.left = `${Math.max(4, place.left - stage.left)}px`;
  box.style.top = `${place.top - stage.top}px`;
  box.style.minWidth = `${place.width}px`;
  field.value = begin ?? inFull(app.graph.data[node]);
  const close = (isBack) => {
    box.remove();
    if (isBack) app.picture.elementOf(node).focus({ preventScroll: true });
  };
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = readTyped(app, field.value);
    if (typed.problem) {
      problem.textContent = typed.problem;
      problem.hidden = false;
      field.setAttribute("aria-invalid", "true");
      return;
    }
    close(true);
    app.choose(node);
    app.set(node, typed.number);
  });
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") close(true);
  });
  field.addEventListener("blur", () => setTimeout(() => { if (box.isConnected) close(false); }, 120));
  app.stage.querySelector(".typing")?.remove();
  app.stage.append(box);
  field.focus();
  if (begin === null) field.select();
}

// What is typed as a number, or what is wrong with it.
function readTyped(app, text) {
  const number = readNumber(text, (name) => app.known(name));
  if (number === null) {
    const shown = cut(text.trim(), 24) || "nothing";
    return { problem: `Expected a number such as 0.5, 1/3 or -2 * 3, got ${shown}.` };
  }
  if (!Number.isFinite(number) && !/inf|nan/i.test(text)) {
    return { problem: "That is no finite number; write inf or nan if you mean it." };
  }
  return { number };
}

// The gradient of the chosen node ----------------------------------------------------------------

PANELS.push({
  id: "gradient",
  title: "Gradient",
  modes: ["explore"],
  // Of a graph with closed groups any node can be called by its name.
  build(app, body) {
    const { names } = app.graph;
    if (app.pass.groups.length < 2) return;
    const field = h("input", { id: "node", type: "text", list: "names", spellcheck: "false", autocomplete: "off" });
    const listed = names.slice(0, NAMES_LISTED).map((name) => h("option", { value: name }));
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const form = h("form", { class: "finder" }, h("label", { for: "node" }, "Node"), field,
      h("button", {}, "Show"), h("datalist", { id: "names" }, listed));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const node = app.place(field.value.trim());
      problem.hidden = node !== undefined;
      problem.textContent = `There is no node ${cut(field.value.trim(), 30) || "without a name"} in this graph.`;
      if (node !== undefined) showNode(node);
    });
    body.before(form, problem);
  },
  paint(app, body) {
    const { graph, chosen } = app, { names } = graph, root = names[graph.root];
    const parts = [];
    if (!graph.isLeaf(chosen)) {
      parts.push(h("p", { class: "made" }, code(names[chosen]), ...madeOf(graph, chosen),
        " = ", numeral(graph.data[chosen], plain(graph.data[chosen]), "quiet")));
    }
    parts.push(h("p", { class: "headline" }, derivative(root, names[chosen]), " = ",
      numeral(graph.grads[chosen], signed(graph.grads[chosen]), "large")));
    const uses = graph.uses[chosen];
    if (chosen === graph.root) parts.push(h("p", {}, "The pass begins here: a number by itself changes by as much."));
    if (uses.length) {
      parts.push(h("ul", { class: "uses" }, uses.slice(0, USES_SHOWN).map((e) => h("li", {}, useOf(graph, e, true)))));
    }
    if (uses.length > USES_SHOWN) {
      const rest = uses.slice(USES_SHOWN).map((e) => graph.sent[e]).reduce((a, b) => a + b, 0);
      parts.push(h("p", {}, `and ${counted(uses.length - USES_SHOWN, "use")} more, `, numeral(rest), " in all"));
    }
    if (uses.length > 1) {
      parts.push(h("p", { class: "hint" }, `Used ${uses.length} times. A small move goes through each use, and what it changes there adds up; `
        + "so does what comes back."));
    }
    replaceWithin(body, ...parts);
  },
});

// " = a * b = 2 * (-3)", as far as it fits.
function madeOf(graph, node) {
  const made = graph.made[node], parts = [];
  if (made && made !== graph.names[node]) parts.push(" = ", code(made));
  return parts;
}

// One use of a node: dL/de · de/da = -2 · -3 = +6, and the local derivative's own formula. Where
// other ways lead from the node to its consumer as well, that is only a local derivative.
function useOf(graph, edge, withNumbers) {
  const { names } = graph, i = graph.consumer[edge];
  const along = graph.uses[graph.operands[edge]].length === 1 ? null
    : h("span", { class: "along" }, "along ", code(graph.made[i] || names[i]), operandOf(graph, edge), ": ");
  return [h("span", { class: "equation" }, along, productOf(graph, edge, withNumbers)), slopeOf(graph, edge, withNumbers)];
}

// dL/de · de/da = -2 · -3 = +6.
function productOf(graph, edge, withNumbers) {
  const { names } = graph, i = graph.consumer[edge];
  const symbols = [derivative(names[graph.root], names[i]), " \u00b7 ", localName(graph, edge)];
  if (!withNumbers) return symbols;
  if (!sends(graph, edge)) return [...symbols, " = ", numeral(0), h("span", { class: "words" }, " (no derivative passes)")];
  const sent = graph.sent[edge], factors = [graph.grads[i], graph.partials[edge]];
  const digits = digitsEnough(factors, ([x, y]) => x * y, sent) || 6;
  // On paper no product of finite numbers is infinite, nor 0 but by a factor of 0.
  const isLost = factors.every((x) => x && Number.isFinite(x)) && (!sent || !Number.isFinite(sent));
  // A sign goes with what is right of it, also into a new line.
  return [...symbols, " ", h("span", { class: "number" }, `= ${factors.map((x) => signed(x, digits)).join(" \u00b7 ")}`), " ",
    h("span", { class: "number" }, "= ", numeral(sent)), isLost ? " in floats" : null];
}

// With de/da = b = -3; nothing where that number has no formula and no symbol of its own.
function slopeOf(graph, edge, withNumbers) {
  const formula = slopeInNames(graph, edge), number = graph.partials[edge], inNumbers = slopeInNumbers(graph, edge);
  const isNumber = formula.replace(/^\((.*)\)$/, "$1") === plain(number);
  if (isNumber && withNumbers && sends(graph, edge) && graph.uses[graph.operands[edge]].length > 1) return null;
  return h("span", { class: "with" }, "with ", localName(graph, edge), " = ", code(formula),
    withNumbers && !isNumber && sends(graph, edge)
      ? [" = ", inNumbers && [code(inNumbers), " = "], h("span", { class: "number" }, signed(number))] : null);
}

// de/da; where a has other uses that is more than what passes here.
function localName(graph, edge) {
  const { names } = graph, x = graph.operands[edge];
  if (graph.uses[x].length > 1) return h("span", { class: "words" }, "local derivative");
  return derivative(names[graph.consumer[edge]], names[x]);
}

// Whether a derivative comes to the consumer and passes along the edge.
function sends(graph, edge) { return graph.passes(edge) && graph.reached[graph.consumer[edge]]; }

// Which operand it is, of a consumer that uses it more than once.
function operandOf(graph, edge) { return isRepeated(graph, edge) ? ` (operand ${graph.position(edge) + 1})` : ""; }

// Whether a consumer uses the same node more than once.
function isRepeated(graph, edge) {
  const i = graph.consumer[edge];
  let count = 0;
  for (let e = graph.starts[i]; e < graph.starts[i + 1]; e++) count += graph.operands[e] === graph.operands[edge];
  return count > 1;
}
