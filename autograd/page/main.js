// Starts the page: buttons, keys, and the functions for scripts.

const app = new App(JSON.parse(document.getElementById("pass").textContent));

function buildPanels() {
  for (const panel of PANELS) {
    panel.body = h("div", { class: "body" });
    const label = panel.title ? h("h2", {}, panel.title) : null;
    panel.element = h("section", { id: panel.id, class: "panel", "aria-label": panel.label ?? panel.title, hidden: true },
      label, panel.body);
    document.getElementById(panel.where ?? "side").append(panel.element);
    panel.build?.(app, panel.body);
  }
}

function buildButtons() {
  const button = (name, text, f, title) => h("button", { type: "button", id: name, onclick: f, title }, text);
  document.getElementById("modes").append(...Object.entries(MODES).map(([name, { title }]) =>
    h("button", { type: "button", "data-mode": name, "aria-pressed": "false", onclick: () => app.enter(name) }, title)));
  document.getElementById("tools").append(
    button("reset", "Reset", () => { app.reset(); app.say("All numbers are as Python left them."); },
      "All numbers as Python left them"),
    ...TOOLS.filter(({ id }) => id !== "link" || hasAddress()).map(({ id, text, title, run }) => button(id, text, () => run(app), title)));
}

// The picture ------------------------------------------------------------------------------------

const SMALLEST_SCALE = 0.84;
let view = null, arranged = "";  // for a room of this size

const sizeOf = (room) => `${room.clientWidth} ${room.clientHeight}`;

function arrange() {
  const room = document.getElementById("scroll");
  MODES[app.mode].arrange?.(app, room);
  app.picture.build(room.clientWidth, room.clientHeight);
  view ??= makeZoom(room, app.svg, { smallest: SMALLEST_SCALE, largest: 3 });
  view.resize(...app.picture.size);
  view.fit();
  paintGroups();
  app.paint();
  const start = MODES[app.mode].focus?.(app) ?? app.graph.root;
  view.reveal(app.picture.elementOf(start));
  arranged = sizeOf(room);
}

function openGroup(group) {
  const problem = app.picture.open(group);
  app.notice(problem);
  if (problem) return;
  arrange();
  document.querySelector(`#groups [data-group="${group}"]`)?.focus({ preventScroll: true });
}

// Opens the groups that hide a node, and goes there.
function showNode(node) {
  if (!app.picture.isOpen(node)) {
    const before = new Set(app.picture.opened);
    app.picture.reach(node);
    const count = app.picture.count();
    if (count > MOST_OPEN) {
      app.picture.opened = before;
      app.notice(`${app.graph.names[node]} is within a group of ${counted(count, "card")}: too many to draw.`);
    }
    arrange();
  }
  app.choose(node);
  const element = app.picture.elementOf(node);
  view.reveal(element);
  element.focus({ preventScroll: true });
}

// A button to close each group that is open, if there are any.
function paintGroups() {
  const { groups } = app.pass;
  const open = [...app.picture.opened].filter((g) => g > 0 && isSeen(g));
  const place = document.getElementById("groups");
  place.hidden = open.length === 0;
  replaceWithin(place, open.length ? "Open: " : null, open.map((g) => h("button", {
    type: "button", "data-group": g, title: `Close ${groups[g].title}`,
    onclick: () => { app.picture.close(g); arrange(); app.svg.querySelector(`[data-group="${g}"]`)?.focus(); },
  }, cut(groups[g].title, 20), h("span", { "aria-hidden": "true" }, " \u00d7"))));
}

function isSeen(group) {
  for (let g = app.pass.groups[group].parent; g >= 0; g = app.pass.groups[g].parent) {
    if (!app.picture.opened.has(g)) return false;
  }
  return true;
}

// Clicks and keys --------------------------------------------------------------------------------

function isTyping(target) { return target.matches?.("input:not([type=range], [type=checkbox]), textarea, select"); }

function listen() {
  app.svg.addEventListener("click", (event) => {
    if (app.justDragged) { app.justDragged = false; return; }
    const card = event.target.closest(".card");
    if (!card) return;
    if (card.dataset.group !== undefined) { openGroup(Number(card.dataset.group)); return; }
    const node = Number(card.dataset.node);
    if (event.target.closest(".dot, .dot-target") && app.mode === "explore") app.toggleMoving(node);
    else pick(node);
  });
  app.svg.addEventListener("dblclick", (event) => {
    const card = event.target.closest(".card.leaf");
    if (card && app.mode === "explore") typeNumber(app, Number(card.dataset.node));
  });
  app.svg.addEventListener("keydown", (event) => {
    const card = event.target.closest(".card");
    if (!card || event.ctrlKey || event.metaKey) return;
    const node = Number(card.dataset.node);
    const isLeaf = card.classList.contains("leaf") && app.mode === "explore";
    if (isLeaf && leafKeys(app, node, event)) { app.choose(node); event.preventDefault(); return; }
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (card.dataset.group !== undefined) openGroup(Number(card.dataset.group));
    else pick(node);
  });
  app.svg.addEventListener("focusin", (event) => {
    const card = event.target.closest(".card");
    if (!card?.matches(":focus-visible")) return;
    view.reveal(card);
    if (card.dataset.node !== undefined && app.mode === "explore") app.choose(Number(card.dataset.node));
  });
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    const move = MODES[app.mode].keys?.[event.key];
    if (!move || (event.key === " " && event.target.closest?.("button, summary, .card, [type=checkbox]"))) return;
    event.preventDefault();
    move(app);
  });
  // Also where a frame gets its height only after the page in it has begun.
  new ResizeObserver(([{ target }]) => { if (sizeOf(target) !== arranged) arrange(); }).observe(document.getElementById("scroll"));
}

function pick(node) {
  if (MODES[app.mode].pick) MODES[app.mode].pick(app, node);
  else app.choose(node);
}

// For scripts, teachers and tests ----------------------------------------------------------------

function placeOf(name) {
  const place = app.place(name);
  if (place === undefined) throw new Error(`there is no node ${name} in this graph; nodes() lists their names`);
  return place;
}

function numberFor(number) {
  if (typeof number !== "number") throw new TypeError(`expected a number, got ${typeof number}`);
  return number;
}

window.stepgrad = {
  nodes: () => [...app.graph.names],
  get(name) {
    const i = placeOf(name);
    return { data: app.graph.data[i], grad: app.graph.grads[i] };
  },
  set(name, number) {
    const i = placeOf(name);
    if (app.graph.fixed) throw new Error(app.graph.fixed);
    if (!app.graph.isLeaf(i)) throw new Error(`${name} is computed: only leaves can be set`);
    app.set(i, numberFor(number));
  },
  reset: () => app.reset(),
  mode(name) {
    if (!Object.hasOwn(MODES, name)) throw new Error(`modes are ${Object.keys(MODES).join(", ")}, got ${name}`);
    app.enter(name);
  },
  ...SCRIPTING,
};

document.getElementById("stage").hidden = false;  // without a script there is nothing in it
buildPanels();
buildButtons();
dragLeaves(app);
app.enter(MODES[app.pass.mode] ? app.pass.mode : "explore");
arrange();
listen();
follow(app, location.hash);
addEventListener("hashchange", () => follow(app, location.hash));
