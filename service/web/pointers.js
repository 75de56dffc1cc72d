// Mouse, pen and fingers on the stage: they move the tool; two fingers, a held space bar or the middle button move the view.

import { the } from "./dom.js";
import { resizeBrush } from "./brush.js";
import { state, tell } from "./state.js";
import { begin, cancel, end, isDown, move } from "./tools.js";
import { pan, toPicture, zoom } from "./view.js";

const ZOOM_PER_PIXEL = 1.002; // of the wheel
const fingers = new Map(); // pointerId -> [clientX, clientY]
let panning = null; // the last [clientX, clientY]
let spaceHeld = false;

export function startPointers() {
  const stage = the("stage");
  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", moved);
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, up);
  stage.addEventListener("pointerleave", () => tell("hover", null));
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("auxclick", (event) => event.preventDefault());
}

/** While the space bar is held, dragging moves the view. */
export function holdSpace(held) {
  spaceHeld = held;
}

function down(event) {
  the("stage").focus({ preventScroll: true });
  if (!state.picture) return;
  if (event.isTrusted) the("stage").setPointerCapture(event.pointerId);
  if (event.pointerType === "touch") fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 2) return cancel();
  if (event.button === 1 || (spaceHeld && event.button === 0)) panning = [event.clientX, event.clientY];
  else if (event.button === 0 && fingers.size < 2) begin(...toPicture(event.clientX, event.clientY), event.altKey, pressure(event));
}

function moved(event) {
  tell("hover", toPicture(event.clientX, event.clientY));
  if (fingers.has(event.pointerId) && fingers.size >= 2) return pinch(event);
  if (panning) {
    pan(event.clientX - panning[0], event.clientY - panning[1]);
    panning = [event.clientX, event.clientY];
  } else if (isDown()) {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) move(...toPicture(one.clientX, one.clientY), pressure(one));
  }
}

function up(event) {
  fingers.delete(event.pointerId);
  panning = null;
  if (event.type === "pointercancel") cancel();
  else end();
}

/** Two fingers: their middle moves the view, their distance enlarges. */
function pinch(event) {
  const [one, two] = [...fingers.keys()];
  const other = fingers.get(event.pointerId === one ? two : one);
  const before = fingers.get(event.pointerId);
  const now = [event.clientX, event.clientY];
  const apart = (point) => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
  pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  fingers.set(event.pointerId, now);
}

/** The wheel changes the brush; with Ctrl (as browsers report a pinch), or over a result, it enlarges. */
function wheel(event) {
  if (!state.picture) return;
  event.preventDefault();
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 30 : event.deltaY;
  if (event.ctrlKey || event.metaKey || state.mode === "result") zoom(ZOOM_PER_PIXEL ** -pixels, event.clientX, event.clientY);
  else resizeBrush(pixels < 0 ? 1 : -1);
}

/** Of a pen 0..1; what has no pressure presses fully. */
const pressure = (event) => (event.pointerType === "pen" && event.pressure ? event.pressure : 1);
