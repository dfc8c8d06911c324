// The curve of a loss over the steps of a descent.

class LossCurve {
  constructor() {
    this.line = s("path", { class: "loss" });
    this.dot = s("circle", { class: "last", r: 3.5 });
    this.element = s("svg", { class: "curve", viewBox: "0 0 240 64", role: "img" }, this.line, this.dot);
  }

  // The first number on the left, the last on the right; 0 is the ground unless some are below it.
  paint(losses) {
    const [low, high] = [Math.min(0, ...sample(losses)), Math.max(...sample(losses))];
    const shown = sample(losses), last = Math.max(1, shown.length - 1), reach = high - low || 1;
    const at = (x, k) => [4 + 228 * k / last, 58 - 52 * (x - low) / reach].map(round1);
    this.element.classList.toggle("empty", shown.length < 2);
    setLabel(this.element, losses.length > 1
      ? `Loss from ${plain(losses[0])} to ${plain(losses[losses.length - 1])} in ${counted(losses.length - 1, "step")}` : "No steps yet");
    if (shown.length < 2) return;
    this.line.setAttribute("d", `M${shown.map((x, k) => at(x, k).join(",")).join("L")}`);
    const [x, y] = at(shown[shown.length - 1], shown.length - 1);
    this.dot.setAttribute("cx", x);
    this.dot.setAttribute("cy", y);
  }
}

// Of many numbers some, the last among them.
function sample(numbers, most = 240) {
  if (numbers.length <= most) return numbers;
  const step = (numbers.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, k) => numbers[Math.round(k * step)]);
}
