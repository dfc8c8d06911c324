// Words, formulas and elements. Text goes in as text, whatever characters it holds.

// An element: h("p", {class: "note", hidden: true}, "text", other); null children are left out.
function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

// The same in SVG.
function s(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

// Replaces what an element holds, but keeps the focus if something of the same id or key has it.
function replaceWithin(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

function code(text, kind = "") { return h("bdi", { class: `code ${kind}`.trim() }, text); }

// A number in the colour of its sign.
function numeral(x, text = signed(x), kind = "") {
  return h("span", { class: `number ${signName(x)} ${kind}`.trim() }, text);
}

// A name without labels in quotes, and without what stands in brackets.
function unquoted(name) { return name.replace(/"(?:[^"\\]|\\.)*"/g, ""); }

function outside(name) {
  let text = unquoted(name), before;
  do { before = text; text = text.replace(/\([^()]*\)|\[[^[\]]*\]/g, ""); } while (text !== before);
  return text;
}

// A name as it stands where something binds it: w1 * x1 and dL/da need parentheses.
function atom(name) { return /^-|[ /]/.test(outside(name)) ? `(${name})` : name; }

// Behind the d of a derivative exp(x) needs them as well.
function asVariable(name) { return unquoted(name).includes("(") ? `(${name})` : atom(name); }

// dL/da, in italics, so that d(d)/da of a root that is called d can be read; long names get a slash.
const LONGEST_IN_FRACTION = 14;
function derivative(of, by) {
  const side = (name, kind) => h("bdi", { class: kind }, h("i", {}, "d"), asVariable(name));
  const isShort = Math.max(of.length, by.length) <= LONGEST_IN_FRACTION;
  return h("span", { class: isShort ? "derivative fraction" : "derivative" },
    side(of, "over"), h("span", { class: "slash" }, "/"), side(by, "under"));
}

// The same in plain text, for accessible names.
function derivativeText(of, by) { return `d${asVariable(of)}/d${asVariable(by)}`; }

// The local derivative along an edge as a formula on what ``call`` gives for each node: its name, or
// its number. A letter is a word of one letter.
function slopeText(graph, edge, call) {
  const i = graph.consumer[edge], kind = graph.kindOf(i), position = graph.position(edge);
  const formula = kind.formulas[kind.variadic ? 0 : position];
  return formula.replace(/\b[a-z]\b/g, (letter) => {
    if (letter === "z") return call(i);
    const place = kind.letters.indexOf(letter);
    if (place < 0) return letter;
    const x = graph.operands[kind.variadic ? edge : graph.starts[i] + place];
    return x < 0 ? plain(graph.constants[-1 - x]) : call(x);
  });
}

function atomOf(graph) { return (i) => atom(graph.names[i]); }

// On names; one that is the whole formula needs no parentheses.
function slopeInNames(graph, edge) {
  const text = slopeText(graph, edge, atomOf(graph));
  const inner = text.slice(1, -1);
  return text[0] === "(" && inner && graph.names.includes(inner) ? inner : text;
}

// On numbers, with as many digits as it takes; null where that says no more than the slope itself.
function slopeInNumbers(graph, edge) {
  const i = graph.consumer[edge], slope = graph.partials[edge];
  if (!graph.kindOf(i).slopes) return null;
  const digits = digitsEnough([graph.data[i], ...graph.inputs(i)], ([z, ...xs]) => localSlope(graph, edge, z, xs), slope);
  const text = digits && slopeText(graph, edge, (k) => {
    const number = plain(graph.data[k], digits);
    return number[0] === "-" ? `(${number})` : number;
  }).replace(/\(\((-[^()]+)\)\)/g, "($1)");
  return text && text.replace(/^\((.*)\)$/, "$1") !== plain(slope) && text !== slopeText(graph, edge, atomOf(graph)) ? text : null;
}

// What a node is made of, on numbers: 2 * (-3). Of many operands the middle is left out.
const OPERANDS_SHOWN = 6;
function madeInNumbers(graph, i) {
  const { form: [before, between, behind, isBound], value } = graph.kindOf(i), inputs = graph.inputs(i);
  const digits = value && inputs.length <= OPERANDS_SHOWN && digitsEnough(inputs, (xs) => value(...xs), graph.data[i]) || 6;
  const numbers = inputs.map((x) => (isBound && isNegative(x) ? `(${plain(x, digits)})` : plain(x, digits)));
  if (numbers.length > OPERANDS_SHOWN) numbers.splice(OPERANDS_SHOWN / 2, numbers.length - 1 - OPERANDS_SHOWN / 2, "...");
  return before + numbers.join(between) + behind;
}

function counted(count, what) { return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`; }
