// What is wrong with how a page looks: each as a sentence. Run in the page; ``arguments`` says
// whether fingers use it, and the selector of what must be seen whole, if anything.

const [isTouched, current] = arguments;
const problems = [];
const say = (what, element) => problems.push(`${what}: ${named(element)}`);

function named(element) {
  const text = element.textContent.trim().replace(/\s+/g, " ").slice(0, 40);
  const id = element.id ? `#${element.id}` : "";
  const kind = element.getAttribute("class");
  return `<${element.localName}${id}${kind ? ` .${kind.replaceAll(" ", ".")}` : ""}> ${text}`;
}

// Where an element can be seen: what its ancestors leave of its box.
function seen(element, box = element.getBoundingClientRect()) {
  let { left, top, right, bottom } = box;
  for (let e = element.parentElement; e; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (e === document.body || e === document.documentElement || style.overflow === "visible") continue;
    if (e.localName === "svg" && e.parentElement) { /* pictures are clipped too */ }
    const clip = e.getBoundingClientRect();
    [left, top] = [Math.max(left, clip.left), Math.max(top, clip.top)];
    [right, bottom] = [Math.min(right, clip.right), Math.min(bottom, clip.bottom)];
  }
  return { left, top, right, bottom, width: right - left, height: bottom - top };
}

function isShown(element) {
  if (element.closest("[hidden], noscript, script, style, title, head")) return false;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  return style.visibility !== "hidden" && style.display !== "none" && box.width > 1 && box.height > 1
    && !hides(element);
}

// For those who hear the page alone.
function hides(element) {
  for (let e = element; e; e = e.parentElement) if (getComputedStyle(e).clipPath !== "none") return true;
  return false;
}

// Every piece of text with its box: a text of the picture, or a text node on its lines.
function texts() {
  const found = [];
  for (const element of document.querySelectorAll("svg text")) {
    if (!isShown(element) || !element.textContent.trim()) continue;
    found.push({ element, box: element.getBoundingClientRect() });
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("svg") || !isShown(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 1) found.push({ element, box });
  }
  return found;
}

// Colours ----------------------------------------------------------------------------------------

const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

function rgba(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

function over([r, g, b, a], below) {
  return [r, g, b].map((x, k) => x * a + below[k] * (1 - a)).concat(1);
}

function luminance(colour) {
  const [r, g, b] = colour.map((x) => x / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function withOpacity(colour, opacity) { return [...colour.slice(0, 3), colour[3] * opacity]; }

function paint(element, what) {
  const style = getComputedStyle(element), colour = style[what];
  return colour === "none" ? [0, 0, 0, 0] : withOpacity(rgba(colour), Number(style[`${what}Opacity`]));
}

// What lies behind an element: the ground of its ancestors, and of a picture the shapes before it.
function ground(element, box) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    if (e instanceof SVGElement) layers.push(...shapesBehind(e, element, box));
    else layers.push(rgba(getComputedStyle(e).backgroundColor));
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), rgba(getComputedStyle(document.body).backgroundColor));
}

function shapesBehind(group, element, box) {
  const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const shapes = [...group.children].filter((shape) => shape instanceof SVGGeometryElement && shape !== element);
  return shapes.filter((shape) => {
    const b = shape.getBoundingClientRect();
    const isBefore = shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
    return isBefore && b.left <= middle[0] && b.right >= middle[0] && b.top <= middle[1] && b.bottom >= middle[1];
  }).map((shape) => paint(shape, "fill")).reverse();
}

function opacityOf(element) {
  let opacity = 1;
  for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  return opacity;
}

// The checks -------------------------------------------------------------------------------------

function checkPage() {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) problems.push(`the page is ${scrollWidth} wide, its window ${clientWidth}`);
}

function checkCurrent() {
  const element = current && document.querySelector(current);
  if (!element) return;
  const box = element.getBoundingClientRect(), visible = seen(element);
  const whole = [["left", 1], ["top", 1], ["right", -1], ["bottom", -1]]
    .every(([side, sign]) => sign * (visible[side] - box[side]) <= 1.5);
  if (!whole || box.bottom > innerHeight + 1 || box.right > innerWidth + 1 || box.top < -1) say("not seen whole", element);
}

function checkTexts() {
  const found = texts();
  for (const { element, box } of found) {
    const scale = element instanceof SVGElement ? element.getScreenCTM().a : 1;
    const size = parseFloat(getComputedStyle(element).fontSize) * scale;
    if (size < 9.99) say(`${size.toFixed(1)} px`, element);
    const isButton = element.closest("button:disabled, [aria-disabled=true]");
    const colour = element instanceof SVGElement ? paint(firstSpan(element), "fill") : rgba(getComputedStyle(element).color);
    const below = ground(element, box), opacity = opacityOf(element);
    const ratio = contrast(over(withOpacity(colour, opacity), below), below);
    if (ratio < 4.5 && !isButton) say(`contrast ${ratio.toFixed(2)}`, element);
  }
  checkOverlaps(found);
}

function firstSpan(element) { return element.querySelector("tspan") ?? element; }

function checkOverlaps(found) {
  const boxes = found.map(({ element, box }) => ({ element, box: seen(element, box) }))
    .filter(({ box }) => box.width > 1 && box.height > 1);
  for (let i = 0; i < boxes.length; i++) {
    for (let k = i + 1; k < boxes.length; k++) {
      const [a, b] = [boxes[i].box, boxes[k].box];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Boxes of lines have room above and below the letters.
      const most = Math.min(a.height, b.height) * 0.34;
      if (wide > 1.5 && high > most && !isStacked(boxes[i].element, boxes[k].element)) {
        say(`overlap of ${wide.toFixed(0)}x${high.toFixed(0)} with ${named(boxes[k].element)}`, boxes[i].element);
      }
    }
  }
}

// A sheet that lies over others hides them.
function isStacked(one, other) {
  const sheet = (e) => e.closest("dialog, .typing, .over");
  return sheet(one) !== sheet(other);
}

const LINES = [".way .line", ".card .frame", "input", "select", "textarea", "button", ".curve", ".axis"];

function checkLines() {
  for (const element of document.querySelectorAll(LINES.join(","))) {
    if (!isShown(element) || element.closest(":disabled, [aria-disabled=true]")) continue;
    const isDrawn = element instanceof SVGElement, style = getComputedStyle(element);
    if (!isDrawn && (style.borderTopStyle === "none" || parseFloat(style.borderTopWidth) === 0)) continue;
    const colour = isDrawn ? paint(element, "stroke") : rgba(style.borderTopColor);
    if (isDrawn && style.stroke === "none") continue;
    const behind = ground(element.parentElement, element.getBoundingClientRect());
    const ratio = contrast(over(withOpacity(colour, opacityOf(element)), behind), behind);
    const own = isDrawn ? behind : over(rgba(style.backgroundColor), behind);
    if (Math.max(ratio, isDrawn ? 0 : contrast(own, behind)) < 3) say(`line ${ratio.toFixed(2)}`, element);
  }
}

function checkTargets() {
  if (!isTouched) return;
  const selector = "button, a[href], input, select, textarea, summary, [role=button], [role=slider], .dot-target";
  for (const element of document.querySelectorAll(selector)) {
    if (!isShown(element)) continue;
    const box = (element.closest("label") ?? element).getBoundingClientRect();
    if (box.width < 43.5 || box.height < 43.5) say(`target ${box.width.toFixed(0)}x${box.height.toFixed(0)}`, element);
  }
}

checkPage();
checkCurrent();
checkTexts();
checkLines();
checkTargets();
return [...new Set(problems)];
