// How to read the page, for who opens it for the first time.

const HELP = [
  ["A card", "is a number. Its data is what was computed; its grad, below the line, is the derivative of the last card "
    + "by it: how fast that changes where this number changes by a little."],
  ["A line", "leads to what is computed from a card. The number on it is the local derivative: how fast the next card "
    + "changes with this one. What comes back along a line is the next card's grad times that; what comes back along "
    + "several lines adds up."],
  ["Blue", "is positive: more here makes the last card larger. Orange is negative. Of the lines drawn, the wider ones carry more."],
  ["Explore", "Drag a leaf (a card that nothing leads to) sideways: everything follows."],
  ["Nudge", "Move a number by \u0394x. Its derivative \u03b1 promises that the last card changes by \u03b1\u00b7\u0394x."],
  ["Descent", "Steps that make the last card smaller: each number with \u25cf goes \u03b7 times its derivative the other way. "
    + "\u2207 stands for all these derivatives together, and |\u2207|\u00b2 for the sum of their squares."],
  ["Step", "See the pass card by card, from the last one back to the leaves."],
  ["Predict", "Find the gradients yourself; each wrong answer is told apart."],
];

const KEYS_HELP = [
  ["Tab", "from card to card"], ["\u2190 \u2192", "move a leaf; Shift: ten times as far; Alt: a tenth"],
  ["Enter", "type a number, 1/3 too"], ["m", "whether a leaf moves in descent"],
  ["Space", "play the pass in Step, where \u2190 \u2192 Home End go through it"], ["+ \u2212 0", "zoom, and fit"],
];

function showHelp() {
  const shown = h("dialog", { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title", tabindex: "-1" }, "How to read this"),
    h("dl", {}, HELP.map(([term, text]) => [h("dt", {}, term), h("dd", {}, text)])),
    h("h2", {}, "Keys"),
    h("dl", { class: "keys" }, KEYS_HELP.map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  shown.addEventListener("close", () => { shown.remove(); document.getElementById("help").focus(); });
  document.body.append(shown);
  shown.showModal();
  shown.querySelector("h2").focus();  // at the top, where one begins to read
}
