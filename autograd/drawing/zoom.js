// One zoom for every page: a stage that scrolls, with a picture in it.
//
//   const view = makeZoom(stage, svg, { smallest: 1, largest: 1.5 });
//
// Fitted to the stage, the picture is never drawn at less than the smallest scale, at which all
// texts can be read: it scrolls instead. By hand one can go on until all of it is seen. The keys
// + - 0 zoom, as do the wheel with ctrl or cmd, two fingers, and buttons with data-zoom="in",
// "out" or "fit"; the mouse drags the ground. A part that is dragged itself says so by
// preventDefault() on pointerdown, and who takes a key for something else does it on keydown.

const ZOOM_STEP = 1.25;
const ZOOM_MOST = 4;

function makeZoom(stage, svg, { smallest = 1, largest = 1.5 } = {}) {
  let [, , width, height] = svg.getAttribute("viewBox").split(/[ ,]+/).map(Number);
  let scale = 1;
  let isFitted = true;

  // Not from the client size: a scroll bar goes when all is seen. Some air is left around.
  function whole() {
    const [across, down] = [stage.offsetWidth - 4, stage.offsetHeight - 4];
    return Math.max(0.01, Math.min(across / width, down / height));
  }

  function draw(wanted, at) {
    const before = svg.getBoundingClientRect();
    const x = at ? at.x : middle(stage.getBoundingClientRect(), "left", "right");
    const y = at ? at.y : middle(stage.getBoundingClientRect(), "top", "bottom");
    scale = wanted;
    svg.setAttribute("width", width * scale);
    svg.setAttribute("height", height * scale);
    // What was at this place stays there.
    const after = svg.getBoundingClientRect();
    const moved = (low, size, place) =>
      after[low] + (place - before[low]) * (after[size] / (before[size] || 1)) - place;
    stage.scrollBy({
      left: moved("left", "width", x), top: moved("top", "height", y), behavior: "instant",
    });
    const isWide = stage.scrollWidth > stage.clientWidth || stage.scrollHeight > stage.clientHeight;
    stage.classList.toggle("wide", isWide);
  }

  const view = {
    get scale() { return scale; },
    fit() {
      isFitted = true;
      draw(Math.max(smallest, Math.min(largest, whole())));
    },
    // At: a point of the window, {x, y}, that what is there should stay at.
    zoom(factor, at) {
      const least = Math.min(smallest, whole());
      isFitted = false;
      draw(Math.max(least, Math.min(Math.max(ZOOM_MOST, largest), scale * factor)), at);
    },
    // The picture has another size from now on.
    resize(newWidth, newHeight) {
      [width, height] = [newWidth, newHeight];
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      if (isFitted) view.fit();
      else draw(scale);
    },
    reveal(...elements) { bringIntoView(stage, elements.filter(Boolean)); },
  };

  zoomByWheel(stage, view);
  zoomByFingers(stage, view);
  zoomByKeysAndButtons(view);
  panByMouse(stage);
  const refit = () => { if (isFitted) view.fit(); };
  // Of the border box, which does not change with the scroll bars.
  new ResizeObserver(refit).observe(stage, { box: "border-box" });
  view.fit();
  return view;
}

function middle(box, low, high) {
  return (box[low] + box[high]) / 2;
}

// Scrolls as little as is calm: not at all if all of them are in view, else to the middle of them,
// or of the first one, if they do not fit together.
function bringIntoView(stage, elements) {
  if (!elements.length) return;
  const pane = stage.getBoundingClientRect();
  const boxes = elements.map((element) => element.getBoundingClientRect());
  const distance = (low, high) => {
    const from = Math.min(...boxes.map((box) => box[low]));
    const to = Math.max(...boxes.map((box) => box[high]));
    if (from >= pane[low] + 8 && to <= pane[high] - 8) return 0;
    const fits = to - from <= pane[high] - pane[low] - 16;
    const place = fits ? (from + to) / 2 : middle(boxes[0], low, high);
    return place - middle(pane, low, high);
  };
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  stage.scrollBy({
    left: distance("left", "right"),
    top: distance("top", "bottom"),
    behavior: isCalm ? "instant" : "smooth",
  });
}

function zoomByWheel(stage, view) {
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    view.zoom(Math.exp(-Math.max(-80, Math.min(80, pixels)) / 200), event);
  }, { passive: false });
}

// One finger scrolls, as everywhere; the second one turns that into a zoom around both.
function zoomByFingers(stage, view) {
  let spread = 0;
  const apart = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  const begin = (event) => {
    if (event.touches.length !== 2) return;
    if (event.cancelable) event.preventDefault();
    spread = apart(event.touches);
  };
  const move = (event) => {
    if (event.touches.length !== 2 || !spread) return;
    if (event.cancelable) event.preventDefault();
    const [a, b] = event.touches;
    const at = { x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2 };
    const now = apart(event.touches);
    view.zoom(now / spread, at);
    spread = now;
  };
  stage.addEventListener("touchstart", begin, { passive: false });
  stage.addEventListener("touchmove", move, { passive: false });
  for (const end of ["touchend", "touchcancel"]) {
    stage.addEventListener(end, () => { spread = 0; });
  }
}

function zoomByKeysAndButtons(view) {
  const moves = {
    in: () => view.zoom(ZOOM_STEP), out: () => view.zoom(1 / ZOOM_STEP), fit: () => view.fit(),
  };
  const keys = new Map([["+", "in"], ["=", "in"], ["-", "out"], ["0", "fit"]]);
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", moves[button.dataset.zoom]);
  }
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const isText = event.target.closest?.("input, select, textarea, [contenteditable]");
    if (isText || !keys.has(event.key)) return;
    event.preventDefault();
    moves[keys.get(event.key)]();
  });
}

// Fingers scroll without help.
function panByMouse(stage) {
  let last = null;
  stage.addEventListener("pointerdown", (event) => {
    const isMine = event.pointerType !== "touch" && event.button === 0 && !event.defaultPrevented;
    last = isMine ? event : null;
  });
  stage.addEventListener("pointermove", (event) => {
    if (last === null) return;
    const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
    const isDragged = stage.classList.contains("dragged");
    if (!isDragged && Math.hypot(dx, dy) < 4) return; // it may become a click
    if (!isDragged) {
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragged");
    }
    stage.scrollBy({ left: -dx, top: -dy, behavior: "instant" });
    last = event;
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(end, () => {
      last = null;
      stage.classList.remove("dragged");
    });
  }
}
