// A picture to look around in, with what each part says beside it.

const stage = document.querySelector(".stage");
const about = document.getElementById("about");
const svg = stage.querySelector("svg");
// The smallest text is 10 units high, and no text should be less than 10 pixels.
const view = makeZoom(stage, svg, { smallest: 1, largest: 1.6 });
view.reveal(svg.querySelector(".root"));

function tell(event) {
  const part = event.target.closest(".node, .edge, .cluster");
  const title = part && part.querySelector(":scope > title");
  about.hidden = !title;
  about.textContent = title ? title.textContent : "";
}

svg.addEventListener("pointerover", tell);
svg.addEventListener("focusin", (event) => {
  tell(event);
  if (event.target.matches(".node:focus-visible")) view.reveal(event.target);
});

const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") about.hidden = true;
  const way = ways[event.key];
  if (way === undefined) return;
  event.preventDefault();
  stage.scrollBy({ left: 60 * way[0], top: 60 * way[1], behavior: "instant" });
});
