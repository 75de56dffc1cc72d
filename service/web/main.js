// The page starts here: every part, then what the service offers.

import { startBrush } from "./brush.js";
import { startCalls } from "./calls.js";
import { startCompletion } from "./completion.js";
import { keepFocus, the } from "./dom.js";
import { startFaces } from "./faces.js";
import { redo, undo } from "./history.js";
import { startKey } from "./key.js";
import { startKeyboard } from "./keyboard.js";
import { complainOf, settle } from "./messages.js";
import { loadModels } from "./models.js";
import { startOpening } from "./opening.js";
import { startOverlay } from "./overlay.js";
import { startPointers } from "./pointers.js";
import { startResult } from "./result.js";
import { on, state, tell } from "./state.js";
import { text } from "./texts.js";
import { commitMask } from "./tools.js";
import { fit, startView, zoom } from "./view.js";

let timer = 0; // of the next look at the models
const LOOK_MILLISECONDS = 3000; // between two looks at an engine that has loaded no model yet

const starts = [startView, startOverlay, startBrush, startPointers, startKeyboard, startOpening, startFaces, startResult, startCompletion];
for (const start of [startCalls, startKey, ...starts]) start();

the("undo").addEventListener("click", undo);
the("redo").addEventListener("click", redo);
on("history", ({ done, undone }) => {
  the("undo").disabled = done === 0;
  the("redo").disabled = undone === 0;
});
the("zoom-in").addEventListener("click", () => zoom(1.25));
the("zoom-out").addEventListener("click", () => zoom(0.8));
the("zoom-fit").addEventListener("click", fit);

the("invert").addEventListener("click", () => change((mask) => mask.invert()));
the("clear").addEventListener("click", () => change((mask) => mask.clear()));
the("grow").addEventListener("click", () => change((mask) => mask.grow(growPixels())));
the("shrink").addEventListener("click", () => change((mask) => mask.grow(-growPixels())));

const growPixels = () => Math.min(500, Math.max(1, Math.round(Number(the("grow-pixels").value)) || 1));

function change(how) {
  tell("mask", how(state.mask));
  commitMask();
}

const NEEDS_PICTURE = ["grow", "shrink", "invert", "clear", "from-alpha", "load-mask", "save-mask", "find-faces"];

on("picture", () => {
  const { picture } = state;
  keepFocus(the("stage"), () => (the("welcome").hidden = Boolean(picture)));
  the("stage-tools").hidden = !picture;
  for (const id of NEEDS_PICTURE) the(id).disabled = !picture;
  the("picture-facts").textContent = picture ? text("stage.facts", picture) : "";
  the("stage").setAttribute("aria-label", picture ? text("stage.name", picture) : text("stage.empty"));
});
on("share", () => (the("mask-share").textContent = state.mask ? text("mask.share", { share: state.mask.share }) : ""));
for (const [change, place] of [["share", "mask"], ["share faces", "faces"], ["model", "model"]]) on(change, () => settle(place));
on("tool mode faces", () => (the("grip-field").hidden = state.tool !== "landmarks"));
on("away", (away) => {
  the("away").hidden = !away;
  the("away").textContent = away ? text("away") : "";
  if (!away) load();
});

async function load() {
  settle("key", "model");
  try {
    await loadModels();
    if (!state.models.some((model) => model.ready)) loadIn(LOOK_MILLISECONDS);
  } catch (error) {
    complainOf(error, "model");
    if (error.retryAfterSeconds) loadIn(error.retryAfterSeconds * 1000);
  }
}

function loadIn(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(load, milliseconds);
}

on("key", load);
tell("picture");
tell("tool");
load();
