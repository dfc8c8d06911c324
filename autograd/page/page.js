// Shows one moment of the pass at a time. All numbers and texts are in the page already: the
// gradients of every moment in the data, the words of every step in a section of its own.
"use strict";

const pass = JSON.parse(document.getElementById("pass").textContent);
const byId = (id) => document.getElementById(id);
const slider = byId("slider");
const scroll = document.querySelector(".scroll");
const graph = scroll.querySelector("svg");
const sections = [...document.querySelectorAll(".step")];
const values = new Map(Object.keys(pass.labels).map((number) => [number, byId(`v${number}`)]));
const last = pass.moments.length - 1;
const DASH = "\u2014";
const SECONDS_A_STEP = 1.6;

let current = 0;
let timer = null;

// What is drawn ----------------------------------------------------------------------------------

function signOf(text) {
  if (/^[+-]0$/.test(text)) return "zero";
  return { "+": "pos", "-": "neg" }[text[0]] ?? "other";
}

function show(index) {
  current = Math.max(0, Math.min(last, index));
  // From the start, so that going back needs no rule of its own.
  const grads = new Map();
  const carried = new Map();
  for (const moment of pass.moments.slice(0, current + 1)) {
    for (const [number, grad, count] of moment.grads) grads.set(String(number), [grad, count]);
    for (const [edge, contribution] of moment.edges) carried.set(edge, contribution);
  }
  const now = pass.moments[current];
  for (const [number, box] of values) {
    const [grad, count] = grads.get(number) ?? [DASH, ""];
    box.querySelector(".grad").textContent = grad;
    box.querySelector(".count").textContent = count;
    mark(box, grad === DASH ? null : signOf(grad), Number(number) === now.number);
    const label = `${pass.labels[number]}, gradient ${grad === DASH ? "not yet known" : grad}`;
    box.setAttribute("aria-label", label);
    if (Number(number) === now.number) box.setAttribute("aria-current", "step");
    else box.removeAttribute("aria-current");
  }
  const active = new Set(now.edges.map(([edge]) => edge));
  for (const edge of pass.edges) {
    const contribution = carried.get(edge);
    byId(edge).classList.toggle("carried", contribution !== undefined);
    mark(byId(edge), contribution === undefined ? null : signOf(contribution), active.has(edge));
  }
  sections.forEach((section, k) => { section.hidden = k !== current; });
  sections[current].parentElement.scrollTop = 0;
  slider.value = current;
  slider.setAttribute("aria-valuetext", now.spoken);
  const shown = [now.number ?? 0, pass.total].map((number) => number.toLocaleString("en"));
  byId("where").textContent = shown.join(" / ");
  byId("spoken").textContent = now.spoken;
  byId("first").disabled = byId("previous").disabled = current === 0;
  byId("next").disabled = byId("last").disabled = current === last;
  if (current === last) pause();
  reveal();
}

function mark(element, sign, isNow) {
  for (const name of ["pos", "neg", "zero", "other"]) element.classList.toggle(name, name === sign);
  element.classList.toggle("now", isNow);
}

// Where one looks --------------------------------------------------------------------------------

const SMALLEST = 0.72;
const LARGEST = 3;
const [, , naturalWidth, naturalHeight] = graph.getAttribute("viewBox").split(" ").map(Number);
let scale = null; // null: as fits the window

// The words keep the room that the longest step takes, so that the graph stays where it is.
function arrange() {
  const steps = sections[0].parentElement;
  steps.style.height = "auto";
  for (const section of sections) section.hidden = false;
  const heights = sections.map((section) => section.offsetHeight);
  sections.forEach((section, k) => { section.hidden = k !== current; });
  steps.style.height = `${Math.max(...heights)}px`;
  resize();
  reveal();
}

function resize() {
  // Not its client width: a scroll bar is gone when the graph fits.
  const fitting = Math.min(scroll.offsetWidth / naturalWidth, scroll.offsetHeight / naturalHeight);
  const used = scale ?? Math.max(SMALLEST, Math.min(1.4, fitting * 0.98));
  graph.setAttribute("width", naturalWidth * used);
  graph.setAttribute("height", naturalHeight * used);
  return used;
}

function zoom(factor) {
  scale = Math.max(0.2, Math.min(LARGEST, resize() * factor));
  resize();
  reveal();
}

// Scrolls the current box, and what it reports to, into the middle of the window.
function reveal() {
  const now = pass.moments[current];
  const number = now.number ?? pass.moments[Math.min(1, last)].number;
  const boxes = [`v${number}`, ...now.edges.map(([edge]) => edge)].map((id) => byId(id));
  const places = boxes.filter(Boolean).map((box) => box.getBoundingClientRect());
  const pane = scroll.getBoundingClientRect();
  // How far the middle of the places is from the middle of the window.
  const distance = (low, high) => {
    const [from, to] = [Math.min(...places.map(low)), Math.max(...places.map(high))];
    // A wide neighbourhood does not fit: then the box itself matters.
    const fits = to - from < high(pane) - low(pane);
    const middle = fits ? (from + to) / 2 : (low(places[0]) + high(places[0])) / 2;
    return middle - (low(pane) + high(pane)) / 2;
  };
  scroll.scrollBy({
    left: distance((r) => r.left, (r) => r.right),
    top: distance((r) => r.top, (r) => r.bottom),
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth",
  });
}

// Movements --------------------------------------------------------------------------------------

function pause() {
  clearInterval(timer);
  timer = null;
  byId("play").classList.remove("playing");
  byId("play").setAttribute("aria-label", "Play");
}

function play() {
  if (current === last) show(0);
  timer = setInterval(() => show(current + 1), SECONDS_A_STEP * 1000);
  byId("play").classList.add("playing");
  byId("play").setAttribute("aria-label", "Pause");
}

// A movement by hand ends the playing, which would soon undo it.
const movements = {
  first: () => { pause(); show(0); },
  previous: () => { pause(); show(current - 1); },
  play: () => (timer === null ? play() : pause()),
  next: () => { pause(); show(current + 1); },
  last: () => { pause(); show(last); },
  smaller: () => zoom(1 / 1.25),
  larger: () => zoom(1.25),
  fit: () => { scale = null; resize(); reveal(); },
};
const keys = {
  Home: "first", ArrowLeft: "previous", " ": "play", ArrowRight: "next", End: "last",
  "-": "smaller", "+": "larger", 0: "fit",
};

for (const [id, move] of Object.entries(movements)) byId(id).addEventListener("click", move);
slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in keys)) return;
  // The space bar presses the button or opens the legend that has the focus.
  if (event.key === " " && event.target.closest?.("button, summary, .value")) return;
  event.preventDefault();
  movements[keys[event.key]]();
});

for (const [number, box] of values) {
  const jump = () => { pause(); show(pass.moments.findIndex((m) => m.number === Number(number))); };
  box.setAttribute("tabindex", "0");
  box.setAttribute("role", "button");
  box.addEventListener("click", jump);
  byId(`v${number}_op`)?.addEventListener("click", jump);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    jump();
  });
}

const legend = document.querySelector(".legend");
legend.open = matchMedia("(min-width: 701px) and (min-height: 700px)").matches;
legend.addEventListener("toggle", arrange);
addEventListener("resize", arrange);
show(pass.opening);
arrange();
