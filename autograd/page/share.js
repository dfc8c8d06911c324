// What can be taken away: a link to the page as it stands, the picture, and the numbers as Python.

const TOOLS = [
  { id: "link", text: "Link", title: "Copy a link to the page as it stands", run: copyLink },
  { id: "save", text: "Picture", title: "Save the picture as an SVG file", run: savePicture },
  { id: "python", text: "Python", title: "Copy the numbers as Python", run: copyPython },
  { id: "help", text: "?", title: "How to read this page", run: showHelp },
];

// The link ---------------------------------------------------------------------------------------

// #mode=step&v.a=3.2: the mode, the chosen node, and each leaf that has another number.
function fragment(app) {
  const { graph } = app, parts = new URLSearchParams();
  if (app.mode !== "explore") parts.set("mode", app.mode);
  parts.set("at", graph.names[app.chosen]);
  for (const i of changedLeaves(graph)) parts.set(`v.${graph.names[i]}`, inFull(graph.data[i]));
  return `#${parts}`;
}

// Takes what a link says; whatever is wrong with it changes nothing.
function follow(app, hash) {
  let parts;
  try { parts = new URLSearchParams(hash.slice(1)); } catch { return; }
  const numbers = new Map();
  for (const [key, text] of parts) {
    const leaf = key.startsWith("v.") ? app.place(key.slice(2)) : undefined;
    const number = leaf === undefined ? null : readNumber(text);
    if (number !== null && app.graph.isLeaf(leaf)) numbers.set(leaf, number);
  }
  if (numbers.size && !app.graph.fixed) app.setAll(numbers);
  const at = app.place(parts.get("at") ?? "");
  if (at !== undefined) app.choose(at);
  if (parts.has("mode")) app.enter(parts.get("mode"));
}

function changedLeaves(graph) {
  const changed = [];
  for (let i = 0; i < graph.size; i++) {
    if (graph.isLeaf(i) && !Object.is(graph.data[i], graph.recorded.data[i])) changed.push(i);
  }
  return changed;
}

function copyLink(app) {
  const link = location.href.replace(/#.*/s, "") + fragment(app);
  try { history.replaceState(null, "", link); } catch { /* some browsers refuse it for files */ }
  copy(app, link, "The link is copied: it opens this page with these numbers.");
}

// A page within a notebook has no address of its own.
function hasAddress() { return location.protocol !== "about:"; }

// Where there is no clipboard, the text can be copied by hand.
async function copy(app, text, done) {
  try {
    await navigator.clipboard.writeText(text);
    app.notice(done);
  } catch {
    showText(text);
  }
}

function showText(text) {
  const field = h("textarea", { readonly: true, rows: 8, "aria-label": "Text to copy" });
  field.value = text;
  const shown = h("dialog", { "aria-label": "Text to copy" }, field,
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  shown.addEventListener("close", () => shown.remove());
  document.body.append(shown);
  shown.showModal();
  field.focus();
  field.select();
}

// The picture ------------------------------------------------------------------------------------

const DRAWN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap",
  "font-family", "font-size", "font-weight", "text-anchor", "text-decoration", "display"];

// The picture as a file of its own: every part with the style that it has here, and no script.
function pictureFile(svg, [width, height]) {
  const drawn = svg.cloneNode(true), parts = svg.querySelectorAll("*");
  drawn.querySelectorAll("*").forEach((part, k) => {
    const style = getComputedStyle(parts[k]);
    for (const name of DRAWN) part.setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "id", "tabindex", "role", "style"]) part.removeAttribute(name);
  });
  drawn.querySelectorAll('[display="none"]').forEach((part) => part.remove());
  const ground = s("rect", { width, height, fill: getComputedStyle(svg.closest("section")).backgroundColor });
  drawn.prepend(ground);
  drawn.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  drawn.setAttribute("width", width);
  drawn.setAttribute("height", height);
  drawn.removeAttribute("id");
  return new XMLSerializer().serializeToString(drawn);
}

function savePicture(app) {
  const file = new Blob([pictureFile(app.svg, app.picture.size)], { type: "image/svg+xml" });
  const link = h("a", { href: URL.createObjectURL(file), download: "graph.svg" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  app.notice("The picture is saved as graph.svg.");
}

// Python -----------------------------------------------------------------------------------------

// Lines that make the same graph with the numbers of the page; leaves keep their names where these
// are names in Python too.
function asPython(graph) {
  const names = pythonNames(graph), lines = [];
  for (const i of readingOrder(graph)) {
    const name = names[i], own = graph.names[i].replace(/#\d+$/, ""), label = JSON.stringify(own);
    // Copies of a formula are (a * b)#2.
    const isOwn = own.replace(/^\((.*)\)$/, "$1") !== graph.made[i] && !/^_?v\d+$/.test(own);
    if (graph.isLeaf(i)) lines.push(`${name} = Value(${pythonNumber(graph.data[i])}${isOwn ? `, ${label}` : ""})`);
    else lines.push(`${name} = ${pythonCall(graph, i, names)}`, ...(isOwn ? [`${name}.label = ${label}`] : []));
  }
  const root = names[graph.root];
  const used = graph.kinds.filter(isFunction);
  const imported = ["Value", ...used.filter(({ isPublic }) => isPublic).map(({ name: of }) => of)];
  return [
    `from autograd import ${[...new Set(imported)].sort().join(", ")}`,
    ...(used.every(({ isPublic }) => isPublic) ? [] : ["from autograd.ops import OPS"]), "", ...lines, "", `${root}.backward()`, "",
  ].join("\n");
}

// Whether a row is called as a function; abs is Python's own.
function isFunction({ symbol, variadic }) { return variadic || (/^[A-Za-z_]/.test(symbol) && symbol !== "abs"); }


const PYTHON_WORDS = new Set(("False None True and as assert async await break class continue def del elif else "
  + "except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield Value OPS "
  + "abs float").split(" "));

function pythonNames(graph) {
  const taken = new Set(PYTHON_WORDS);
  for (const kind of graph.kinds) if (isFunction(kind)) taken.add(kind.name);
  return graph.names.map((name, i) => {
    const wanted = /^[A-Za-z_]\w*$/.test(name) ? name : name.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
    let found = /^[A-Za-z_]/.test(wanted) && wanted.length < 30 ? wanted : `v${i + 1}`;
    while (taken.has(found)) found += "_";
    taken.add(found);
    return found;
  });
}

function pythonNumber(x) {
  if (Number.isFinite(x)) return Number.isInteger(x) && Math.abs(x) < 1e15 ? `${inFull(x)}.0` : String(x);
  return `float("${inFull(x)}")`;
}

function pythonCall(graph, i, names) {
  const kind = graph.kindOf(i), operands = [];
  for (let e = graph.starts[i]; e < graph.starts[i + 1]; e++) {
    const x = graph.operands[e];
    operands.push(x < 0 ? pythonNumber(graph.constants[-1 - x]) : names[x]);
  }
  const listed = operands.join(", ");
  if (isFunction(kind)) {
    if (!kind.isPublic) return `OPS["${kind.name}"](${listed})`;
    return kind.variadic ? `${kind.name}([${listed}])` : `${kind.name}(${listed})`;
  }
  if (kind.symbol === "abs") return `abs(${listed})`;
  const bound = operands.map((x) => (x[0] === "-" ? `(${x})` : x));
  return bound.length === 1 ? `${kind.symbol}${bound[0]}` : bound.join(` ${kind.symbol} `);
}

function copyPython(app) { copy(app, asPython(app.graph), "Copied: lines of Python that make this graph with these numbers."); }
