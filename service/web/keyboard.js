// Keys: shortcuts of the page, and a cursor on the stage that does with keys what a pointer does.

import { resizeBrush, takeTool } from "./brush.js";
import { make, the, TYPED } from "./dom.js";
import { redo, undo } from "./history.js";
import { nudge, takeNext } from "./landmark_moves.js";
import { announce } from "./messages.js";
import { holdSpace } from "./pointers.js";
import { state, tell } from "./state.js";
import { text } from "./texts.js";
import { begin, cancel, end, isDown, move } from "./tools.js";
import { fit, toStage, view, pan, zoom } from "./view.js";

const TOOLS = { b: "brush", e: "eraser", l: "lasso", r: "rectangle", m: "landmarks", f: "face" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PLAIN = {
  "[": () => resizeBrush(-1),
  "]": () => resizeBrush(1),
  i: () => the("invert").click(),
  0: () => fit(),
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
  "?": () => the("help-dialog").showModal(),
};
const ON_STAGE = { ",": () => takeNext(-1), ".": () => takeNext(1), " ": toggle, Enter: stamp, Escape: () => cancel() };
let cursor = null; // in pixels of the picture

export function startKeyboard() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") holdSpace(false);
    if (event.key.toLowerCase() === "h") tell("hold", false);
  });
  the("stage").addEventListener("blur", () => end());
  the("stage").addEventListener("pointermove", () => (cursor = null));
  the("open-help").addEventListener("click", () => the("help-dialog").showModal());
  the("help-keys").replaceChildren(...text("help.keys").flatMap(([keys, does]) => [make("dt", { text: keys }), make("dd", { text: does })]));
}

function pressed(event) {
  if (document.querySelector("dialog[open]")) return;
  const controlled = event.ctrlKey || event.metaKey;
  const done = controlled ? withControl(event) : !event.target.closest(TYPED) && plain(event);
  if (done) event.preventDefault();
}

/** Undo, redo and complete work everywhere, and end a stroke; in a text field undo is the field's own. */
function withControl(event) {
  const name = event.key.toLowerCase();
  const wanted = { enter: () => the("complete").click(), z: event.shiftKey ? redo : undo, y: redo }[name];
  if (!wanted || (name !== "enter" && event.target.closest(TYPED))) return false;
  end();
  return act(wanted);
}

function plain(event) {
  if (event.altKey) return false;
  const onStage = event.target === the("stage");
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (onStage && name in ARROWS) return act(() => arrow(...ARROWS[name], event.shiftKey));
  if (onStage && name in ON_STAGE && state.picture) return event.repeat || act(ON_STAGE[name]);
  if (!onStage && !the("letter-keys").checked) return false;
  if (name in TOOLS) return act(() => takeTool(TOOLS[name]));
  if (name === "h") return act(() => tell("hold", true));
  return name in PLAIN && act(PLAIN[name]);
}

function act(action) {
  action();
  return true;
}

/** Moves the landmarks that are taken, or the cursor: a CSS pixel, or ten with Shift. */
function arrow(dx, dy, far) {
  if (!state.picture) return;
  if (state.tool === "landmarks") return nudge(dx * (far ? 10 : 1), dy * (far ? 10 : 1));
  const step = (far ? 40 : 8) * (devicePixelRatio / view.scale);
  cursor ??= [state.picture.width / 2, state.picture.height / 2];
  cursor = [clamped(cursor[0] + dx * step, state.picture.width), clamped(cursor[1] + dy * step, state.picture.height)];
  follow();
  move(...cursor);
  tell("hover", cursor);
}

const clamped = (value, most) => Math.min(most, Math.max(0, value));

/** Keeps the cursor in sight. */
function follow() {
  const [x, y] = toStage(...cursor);
  const { clientWidth: width, clientHeight: height } = the("stage");
  const beyond = (value, size) => Math.min(0, size - 20 - value) + Math.max(0, 20 - value);
  const [dx, dy] = [beyond(x, width), beyond(y, height)];
  if (dx || dy) pan(dx, dy);
}

/** Space: the tool goes down at the cursor of the arrow keys, and comes up again; without one, dragging moves the view. */
function toggle() {
  if (!cursor) return holdSpace(true);
  if (isDown()) end();
  else begin(...cursor);
  tell("hover", cursor);
  return announce(text(isDown() ? "keyboard.down" : "keyboard.up"));
}

function stamp() {
  cursor ??= [state.picture.width / 2, state.picture.height / 2];
  if (!isDown()) begin(...cursor);
  end();
  tell("hover", cursor);
}
