// The size of the brush and the choice of the tool.

import { the } from "./dom.js";
import { state, tell } from "./state.js";
import { text } from "./texts.js";

const STEP = 1.12;
const DEFAULT_SHARE = 0.05; // of the picture's shorter side
const LARGEST_SHARE = 0.5;

export function startBrush() {
  the("brush-size").addEventListener("input", (event) => setDiameter(Number(event.target.value)));
  for (const input of document.querySelectorAll('input[name="tool"]')) {
    input.addEventListener("click", () => takeTool(input.value)); // also of the one that is taken already
  }
}

/** A size that suits a newly opened picture. */
export function suitBrush() {
  const shorter = Math.min(state.picture.width, state.picture.height);
  the("brush-size").max = Math.max(20, Math.round(shorter * LARGEST_SHARE));
  setDiameter(Math.round(shorter * DEFAULT_SHARE * 2));
}

/** One step larger (1) or smaller (-1). */
export function resizeBrush(direction) {
  const diameter = Math.round(state.radius * 2 * STEP ** direction);
  setDiameter(diameter === state.radius * 2 ? diameter + direction : diameter);
}

export function takeTool(tool) {
  state.tool = tool;
  document.querySelector(`input[name="tool"][value="${tool}"]`).checked = true;
  tell("tool");
}

function setDiameter(pixels) {
  const range = the("brush-size");
  const diameter = Math.min(Number(range.max), Math.max(1, pixels));
  state.radius = diameter / 2;
  range.value = diameter;
  the("brush-size-value").textContent = text("pixels", { count: diameter });
  tell("brush");
}
