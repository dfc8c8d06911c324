// Predict: one is asked for each gradient before it is told, in the order of the pass. What is said
// of an answer, and the hints, are those of the prompt: ``diagnose`` and ``hint`` are written from
// stepping/diagnoses.py. While a question is open nothing in the document tells a gradient that is
// still to be asked for, nor what is sent to it.

const MOST_ASKED = 20;
const USES_TOLD = 8;
const HINT_NAMES = ["Hint", "With numbers", "Show the answer"];
const OUTCOMES = ["at the first try", "later", "told by the last hint", "skipped"];
const [FIRST_TRY, LATER, TOLD, SKIPPED] = OUTCOMES;
// From which new numbers are drawn: the first of these that give gradients which can be worked out.
const FRIENDLY = [[-3, -2, -1, 1, 2, 3], [-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2], [0.25, 0.5, 0.75, 1, 2, 3], [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]];
const DRAWS = 25;

// The answers so far.
class Quiz {
  constructor(app) {
    this.app = app;
    this.asked = askable(app);
    this.outcomes = new Map();
    this.turn();
  }

  // The next question.
  turn() {
    this.node = this.asked.find((i) => !this.outcomes.has(i)) ?? null;
    this.question = this.node === null ? null : questionOf(this.app.graph, this.node);
    [this.tries, this.hints, this.verdict] = [0, 0, null];
  }

  get number() { return this.asked.indexOf(this.node) + 1; }

  // Whether the question has its answer.
  get isAnswered() { return this.outcomes.has(this.node); }

  get isOver() { return this.node === null; }

  // Whether the gradient of a node may be seen: that of the root is given, and those that are not
  // asked for are as soon as the pass has gone by them.
  isKnown(i) {
    if (i === this.app.graph.root || this.isOver) return true;
    const outcome = this.outcomes.get(i);
    return outcome !== undefined ? outcome !== SKIPPED : i > this.node && !this.asked.includes(i);
  }

  check(text) {
    const typed = readTyped(this.app, text);
    if (typed.problem) return this._say("unread", typed.problem);
    this.tries++;
    const { name, sentence } = diagnose(this.question, typed.number);
    if (name !== "right") return this._say(name, name === "not yet" ? `${sentence}; a hint may help` : sentence);
    this.outcomes.set(this.node, this.tries === 1 && !this.hints ? FIRST_TRY : LATER);
    return this._say(name, `${sentence}: ${this.question.asked} = ${signed(this.question.total)}`);
  }

  hint() {
    if (this.isOver || this.isAnswered) return;
    this.hints++;
    if (this.hints < HINT_NAMES.length) return;
    this.outcomes.set(this.node, TOLD);
    this.verdict = null;
  }

  skip() {
    if (!this.isAnswered) this.outcomes.set(this.node, SKIPPED);
    this.turn();
  }

  _say(name, sentence) { this.verdict = { name, sentence }; }

  // "5 of 6 at the first try, 1 later": of those that have been asked.
  get score() {
    const given = [...this.outcomes.values()], count = (outcome) => given.filter((one) => one === outcome).length;
    const others = OUTCOMES.slice(1).filter(count).map((outcome) => `${count(outcome)} ${outcome}`);
    return [`${count(FIRST_TRY)} of ${given.length} ${FIRST_TRY}`, ...others].join(", ");
  }
}

// Whose gradients are asked for: cards that are open, all of whose uses can be seen as well.
function askable({ graph, picture }) {
  const asked = [], isOpen = (i) => picture.isOpen(i);
  for (let i = graph.root - 1; i >= 0 && asked.length < MOST_ASKED; i--) {
    if (isOpen(i) && graph.uses[i].every((e) => isOpen(graph.consumer[e]))) asked.push(i);
  }
  return asked;
}

// What stepping/diagnoses.py knows of a node.
function questionOf(graph, node) {
  const { names } = graph;
  return {
    node: names[node], root: names[graph.root], asked: derivativeText(names[graph.root], names[node]),
    data: graph.data[node], total: graph.grads[node], uses: graph.uses[node].map((e) => useInQuestion(graph, e)),
  };
}

function useInQuestion(graph, edge) {
  const { names } = graph, i = graph.consumer[edge], name = names[graph.operands[edge]], which = operandOf(graph, edge);
  return {
    consumer: names[i], arriving: derivativeText(names[graph.root], names[i]), by: name + which,
    local: derivativeText(names[i], name) + which, upstream: graph.grads[i],
    partial: sends(graph, edge) ? graph.partials[edge] : null, contribution: graph.sent[edge],
    result: graph.data[i], sibling: siblingOf(graph, edge),
  };
}

// The other operand of an operation of two, if a derivative passes to it.
function siblingOf(graph, edge) {
  const i = graph.consumer[edge];
  if (graph.starts[i + 1] - graph.starts[i] !== 2) return null;
  const other = graph.edgesOf(i).find((e) => graph.operands[e] !== graph.operands[edge] && sends(graph, e));
  if (other === undefined) return null;
  const x = graph.operands[other];
  return { name: graph.names[x], partial: graph.partials[other], data: graph.data[x] };
}

// The mode ---------------------------------------------------------------------------------------

const predicting = { quiz: null, isNew: false, isEntered: false, seed: 1 };

MODES.predict = {
  title: "Predict",
  enter(app) {
    // The table for those without JavaScript, other panels and what was said last tell gradients.
    document.querySelector("noscript")?.remove();
    for (const panel of PANELS) if (!panel.modes.includes("predict")) panel.element.remove();
    app.say("");
    predicting.isNew = true;
    // Not as the page opens, and not where that brings up a keyboard.
    predicting.isEntered = view !== null && !matchMedia("(pointer: coarse)").matches;
  },
  leave() {
    for (const panel of PANELS) document.getElementById(panel.where ?? "side").append(panel.element);
  },
  pick() { focusAnswer(); },
  focus: (app) => quizOf(app).node ?? app.graph.root,
  moment(app) {
    const { graph } = app, quiz = quizOf(app), isKnown = (e) => quiz.isKnown(graph.operands[e]);
    const isOpen = !quiz.isOver && !quiz.isAnswered;
    return {
      grad: (i) => (quiz.isKnown(i) ? graph.grads[i] : undefined),
      note: () => "",
      sent: (e) => (isKnown(e) ? graph.sent[e] : null),
      local: (e) => isKnown(e) || (quiz.hints > 1 && graph.operands[e] === quiz.node),
      now: quiz.node,
      active: new Set(isOpen ? graph.uses[quiz.node] : []),
    };
  },
  paint(app) {
    if (!predicting.isNew) return;
    predicting.isNew = false;
    const { graph } = app, { node } = quizOf(app);
    if (predicting.isEntered) focusAnswer();
    predicting.isEntered = false;
    const near = node === null ? [graph.root] : [node, ...graph.uses[node].map((e) => graph.consumer[e])];
    view?.reveal(...near.map((i) => app.picture.elementOf(i)));
  },
};

function quizOf(app) {
  predicting.quiz ??= new Quiz(app);
  return predicting.quiz;
}

function startOver() {
  predicting.quiz = null;
  predicting.isNew = true;
}

function focusAnswer() { document.getElementById("answer")?.focus({ preventScroll: true }); }

// After what was done: say it, paint it, and be ready for the next answer.
function goOn(app, said = "") {
  app.paint();
  app.say(said);
  focusAnswer();
}

function nextQuestion(app, move) {
  move(quizOf(app));
  document.getElementById("answer").value = "";
  predicting.isNew = true;
  const { question, score } = quizOf(app);
  goOn(app, question ? `What is ${question.asked}?` : score);
  const following = ["again", "over"].map((id) => document.getElementById(id)).find((button) => !button.hidden);
  if (!question) following.focus({ preventScroll: true });
}

// Other numbers --------------------------------------------------------------------------------

// Numbers from 0 to 1, the same for each seed (Tommy Ettinger's mulberry32).
function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Small numbers for all leaves, with which every gradient can be worked out; null if none are found.
function otherNumbers({ graph }, asked, seed) {
  const random = randomFrom(seed), before = Float64Array.from(graph.data);
  const leaves = [...graph.data.keys()].filter((i) => graph.isLeaf(i));
  const isFriendly = (x) => x === 0 || (Math.abs(x) >= 0.01 && Math.abs(x) <= 100);
  let found = null;
  for (let draw = 0; draw < DRAWS * FRIENDLY.length && !found; draw++) {
    const choice = FRIENDLY[Math.floor(draw / DRAWS)];
    const numbers = new Map(leaves.map((i) => [i, choice[Math.floor(random() * choice.length)]]));
    for (const [i, number] of numbers) graph.data[i] = number;
    graph.compute();
    const isGood = asked.every((i) => isFriendly(graph.grads[i])) && asked.some((i) => graph.grads[i] !== 0)
      && graph.data.every(Number.isFinite);
    if (isGood && leaves.some((i) => graph.data[i] !== before[i])) found = numbers;
  }
  graph.data.set(before);
  graph.compute();
  return found;
}

function drawAgain(app) {
  const numbers = otherNumbers(app, quizOf(app).asked, predicting.seed++);
  app.notice(numbers ? "" : "No other small numbers were found that this graph can be computed with.");
  startOver();
  if (numbers) app.setAll(numbers, "predict");
  nextQuestion(app, () => {});
}

// The panel --------------------------------------------------------------------------------------

// Two names of the graph, as an answer may have them.
function exampleOf(graph) {
  const names = readingOrder(graph).map((i) => graph.names[i]).filter((name) => atom(name) === name && name.length < 12);
  return names.length > 1 ? `${names[0]} * ${names[1]}` : `2 * ${names[0] ?? 3}`;
}

PANELS.push({
  id: "predict",
  label: "Predict",
  modes: ["predict"],
  build(app, body) {
    const press = (id, text, f) => h("button", { type: "button", id, onclick: () => f(app) }, text);
    const field = h("input", { type: "text", id: "answer", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    body.append(
      h("div", { id: "question" }),
      h("form", { id: "answering", onsubmit: (event) => { event.preventDefault(); submit(app, field.value); } },
        h("label", { for: "answer", id: "asked" }), field, h("button", { id: "check" }, "Check")),
      h("p", { id: "verdict", role: "status" }), h("ol", { id: "hints" }),
      h("div", { class: "movements" }, press("more", HINT_NAMES[0], takeHint), press("skip", "Skip", () => nextQuestion(app, (quiz) => quiz.skip())),
        press("over", "Start over", () => { startOver(); nextQuestion(app, () => {}); }), press("again", "Again with other numbers", drawAgain)),
      h("p", { id: "score", class: "hint" }));
    for (const event of ["change", "reset"]) app.on(event, startOver);
  },
  paint(app) {
    const quiz = quizOf(app), at = (id) => document.getElementById(id);
    replaceWithin(at("question"), ...(quiz.isOver ? tellOutcomes(app, quiz) : tellQuestion(app, quiz)));
    for (const id of ["answering", "more", "skip"]) at(id).hidden = quiz.isOver;
    if (!quiz.isOver) at("asked").replaceChildren(derivative(quiz.question.root, quiz.question.node), " =");
    for (const id of ["more", "skip"]) at(id).hidden ||= quiz.isAnswered;
    at("over").hidden = !quiz.isOver;
    at("again").hidden = !quiz.isOver || app.graph.fixed || !quiz.asked.length;
    setText(at("check"), quiz.isAnswered ? "Next" : "Check");
    at("answer").readOnly = quiz.isAnswered;
    setText(at("more"), HINT_NAMES[Math.min(quiz.hints, HINT_NAMES.length - 1)]);
    setText(at("verdict"), quiz.verdict?.sentence ?? "");
    at("verdict").className = quiz.verdict?.name === "right" ? "verdict right" : "verdict";
    at("verdict").hidden = !quiz.verdict;
    at("hints").replaceChildren(...Array.from({ length: quiz.hints }, (_, k) => h("li", {}, code(hint(quiz.question, k + 1, plain)))));
    at("hints").hidden = !quiz.hints;
    setText(at("score"), quiz.outcomes.size ? quiz.score : "");
  },
});

function submit(app, text) {
  const quiz = quizOf(app);
  if (quiz.isAnswered) { nextQuestion(app, (one) => one.turn()); return; }
  if (text.trim() === "?") { takeHint(app); return; }
  if (text.trim()) quiz.check(text);
  goOn(app);
  if (!quiz.isAnswered) document.getElementById("answer").select();
}

function takeHint(app) {
  const quiz = quizOf(app);
  quiz.hint();
  if (quiz.isOver) return;
  if (document.getElementById("answer").value.trim() === "?") document.getElementById("answer").value = "";
  goOn(app, hint(quiz.question, quiz.hints, plain));
}

// What is asked: how the node was made, and where it is used, with the gradients that are known.
function tellQuestion({ graph }, quiz) {
  const { node } = quiz, { names } = graph, root = names[graph.root];
  const users = [...new Set(graph.uses[node].map((e) => graph.consumer[e]))];
  const parts = [h("h2", {}, `Question ${quiz.number} of ${quiz.asked.length}`), h("p", { class: "made" }, ...sidesOf(graph, node), " is used in")];
  parts.push(h("ul", { class: "used" }, users.slice(0, USES_TOLD).map((i) => h("li", {}, h("span", {}, ...sidesOf(graph, i)),
    quiz.isKnown(i) ? h("span", { class: "number" }, derivative(root, names[i]), " = ", numeral(graph.grads[i])) : null)),
  users.length > USES_TOLD ? h("li", {}, `and ${users.length - USES_TOLD} more`) : null));
  if (!quiz.outcomes.size && !quiz.tries) {
    parts.push(h("p", { class: "hint" }, "Answer with a number, 1/3, -2 * -3, or values by their names, as in ",
      code(exampleOf(graph)), "."));
  }
  return parts;
}

// e = a * b = -6
function sidesOf(graph, i) {
  return [code(graph.names[i], "own"), ...madeOf(graph, i), " = ", h("span", { class: "number" }, plain(graph.data[i]))];
}

function tellOutcomes({ graph }, quiz) {
  if (!quiz.asked.length) {
    const why = graph.size === 1 ? "The derivative of a number by itself is 1."
      : "Every card that could be asked for is in a closed group: open one by a click, and start over.";
    return [h("h2", {}, "Nothing to ask"), h("p", {}, why)];
  }
  const root = graph.names[graph.root];
  return [h("h2", {}, "All asked"), h("ul", { class: "used" }, quiz.asked.map((i) => h("li", {},
    h("span", {}, derivative(root, graph.names[i]), " = ", numeral(graph.grads[i])), h("span", { class: "words" }, quiz.outcomes.get(i)))))];
}
