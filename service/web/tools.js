// What the tools do between going down on the picture and coming up again, whatever moves them: mouse, pen, finger, keys.
// Points are in pixels of the picture.

import { addFace } from "./faces.js";
import { remember } from "./history.js";
import { dropLandmarks, moveLandmarks, takeLandmarks } from "./landmark_moves.js";
import { state, tell } from "./state.js";

export const MASK_TOOLS = ["brush", "eraser", "lasso", "rectangle"];
let stroke = null; // {tool, value, radius, points}

/** Whether a tool is down. */
export const isDown = () => stroke !== null;

/** The tool goes down. `erase` makes every tool of the mask take away; `pressure` is that of a pen, 0..1. */
export function begin(x, y, erase = false, pressure = 1) {
  if (!state.picture) return;
  const tool = state.mode === "result" && MASK_TOOLS.includes(state.tool) ? "compare" : state.tool;
  stroke = { tool, value: (tool === "eraser") !== erase ? 0 : 1, points: [[x, y]] };
  if (tool === "landmarks" && !takeLandmarks(x, y)) stroke = null;
  else step(x, y, x, y, pressure);
}

export function move(x, y, pressure = 1) {
  if (!stroke) return;
  const [lastX, lastY] = stroke.points.at(-1);
  if (stroke.tool === "lasso") stroke.points.push([x, y]);
  else stroke.points = [stroke.points[0], [x, y]];
  step(lastX, lastY, x, y, pressure);
}

/** The tool comes up: its shape is drawn, and the step can be undone. */
export function end() {
  if (!stroke) return;
  const { tool, value, points } = stroke;
  const [[x0, y0], [x1, y1]] = [points[0], points.at(-1)];
  stroke = null;
  if (tool === "rectangle") tell("mask", state.mask.rectangle(x0, y0, x1, y1, value));
  if (tool === "lasso") tell("mask", state.mask.polygon(points, value));
  if (tool === "face") addFace(x0, y0, x1, y1);
  if (tool === "landmarks") dropLandmarks();
  tell("preview", null);
  commitMask();
}

/** As if it had never gone down: a second finger has come. */
export function cancel() {
  if (!stroke) return;
  const { tool } = stroke;
  stroke = null;
  if (tool === "landmarks") dropLandmarks();
  const region = state.mask.revert();
  if (region) tell("mask", region);
  tell("preview", null);
}

/** Makes a step of what was drawn since the last one. */
export function commitMask() {
  const patch = state.mask?.commit();
  if (!patch) return;
  remember(swapping(state.mask, patch));
  tell("share");
}

function swapping(mask, patch) {
  return () => {
    const back = mask.swap(patch);
    tell("mask", patch.region);
    tell("share");
    return swapping(mask, back);
  };
}

function step(x0, y0, x1, y1, pressure) {
  const { tool, value, points } = stroke;
  if (tool === "brush" || tool === "eraser") {
    const radius = Math.max(0.5, state.radius * (0.25 + 0.75 * pressure));
    const region = state.mask.capsule(x0, y0, x1, y1, radius, value);
    if (region) tell("mask", region);
  } else if (tool === "landmarks") {
    moveLandmarks(x1 - x0, y1 - y0);
  } else if (tool === "compare") {
    state.split = Math.min(1, Math.max(0, x1 / state.picture.width));
    tell("split");
  } else {
    tell("preview", { tool, points });
  }
}
