// The result: before and after, the samples, keeping one as the picture, taking it along as a file.

import { keepFocus, make, save, the } from "./dom.js";
import { keepEditing } from "./opening.js";
import { decoded, derivedName, inType, proxyOf, release } from "./picture.js";
import { on, state, tell } from "./state.js";
import { text } from "./texts.js";
import { MASK_TOOLS } from "./tools.js";
import { redraw } from "./view.js";

const SAMPLE_PIXELS = 144; // side of a sample's picture in the panel

export function startResult() {
  for (const input of document.querySelectorAll('input[name="mode"]')) {
    input.addEventListener("change", () => show(input.value));
  }
  the("compare-range").addEventListener("input", (event) => {
    state.split = event.target.value / 100;
    tell("split");
  });
  the("hold").addEventListener("pointerdown", () => hold(true));
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) the("hold").addEventListener(name, () => hold(false));
  the("keep").addEventListener("click", keep);
  the("download").addEventListener("click", download);
  the("hold").addEventListener("keydown", ({ key }) => [" ", "Enter"].includes(key) && hold(true));
  for (const name of ["keyup", "blur"]) the("hold").addEventListener(name, () => hold(false));
  on("hold", hold);
  on("mask", showMask);
  on("tool", () => MASK_TOOLS.includes(state.tool) && showMask());
  on("picture", dropResult);
  on("split", () => {
    the("compare-range").value = Math.round(state.split * 100);
    redraw();
  });
}

/** Shows new pictures: {blobs, seed, faceCount}, made by `model`. Where the old result was looked at, this one is. */
export async function showResult({ blobs, seed, faceCount }, model) {
  const pictures = [];
  for (const blob of blobs) {
    const bitmap = await decoded(blob, "complete");
    pictures.push({ blob, bitmap, proxy: await proxyOf(bitmap) });
  }
  const first = state.result === null;
  const chosen = Math.min(state.result?.chosen ?? 0, pictures.length - 1);
  releaseResult();
  state.result = { pictures, chosen, seed, faceCount, model };
  state.result.window = windowOf(state.mask);
  if (first) state.split = 0;
  showSamples();
  show("result");
  tell("split");
  if (first) the("panel").scrollTop = 0; // where it is shown
}

/** Who takes a tool of the mask, or changes the mask, wants to see it. */
function showMask() {
  if (state.mode === "result") show("edit");
}

/** The picture is another one. */
function dropResult() {
  releaseResult();
  Object.assign(state, { result: null, holding: false });
  show("edit");
}

/** One of its pictures may have become the picture. */
function releaseResult() {
  const others = (state.result?.pictures ?? []).filter(({ bitmap }) => bitmap !== state.picture?.bitmap);
  others.forEach(release);
}

function show(mode) {
  state.mode = mode;
  const { result } = state;
  keepFocus(the("stage"), () => {
    the("result-section").hidden = !result;
    the("compare").hidden = !result || mode !== "result";
  });
  document.querySelector(`input[name="mode"][value="${mode}"]`).checked = true;
  if (result) the("result-facts").textContent = factsOf(result);
  tell("mode");
  tell("result");
}

function factsOf({ model: { name: model, plural }, faceCount, seed }) {
  return faceCount ? text("result.facts", { model, faceCount, seed, plural }) : text("result.noFace");
}

function showSamples() {
  const { pictures } = state.result;
  the("samples").hidden = pictures.length < 2;
  the("samples").replaceChildren(...pictures.map((picture, index) => sampleButton(picture, index)));
}

/** A square around the mask, [x, y, side]: what the samples differ in. */
function windowOf(mask) {
  const [x0, y0, x1, y1] = mask.bounds() ?? [0, 0, mask.width, mask.height];
  const side = Math.min(1.3 * Math.max(x1 - x0, y1 - y0), mask.width, mask.height);
  const inside = (middle, size) => Math.min(size - side, Math.max(0, middle - side / 2));
  return [inside((x0 + x1) / 2, mask.width), inside((y0 + y1) / 2, mask.height), side];
}

function sampleButton({ bitmap }, index) {
  const canvas = make("canvas", { width: SAMPLE_PIXELS, height: SAMPLE_PIXELS, "aria-hidden": "true" });
  const [x, y, side] = state.result.window;
  canvas.getContext("2d").drawImage(bitmap, x, y, side, side, 0, 0, SAMPLE_PIXELS, SAMPLE_PIXELS);
  const pick = () => {
    state.result.chosen = index;
    showSamples();
    show("result");
    the("samples").children[index].focus();
  };
  const pressed = String(index === state.result.chosen);
  return make("button", { type: "button", "aria-pressed": pressed, "aria-label": text("result.sample", { number: index + 1 }), onclick: pick }, canvas);
}

function hold(held) {
  if (!state.result || state.holding === held) return;
  state.holding = held;
  redraw();
}

async function keep() {
  const { blob, bitmap, proxy } = state.result.pictures[state.result.chosen];
  const name = derivedName(state.picture.name.replace(/(_completed)*\.[^.]*$/, "."), "_completed", blob.type);
  await keepEditing(blob, bitmap, proxy, name);
}

/** Under the name and in the type of the file that was opened first; as PNG where a browser cannot write that type. */
async function download() {
  const { blob, bitmap } = state.result.pictures[state.result.chosen];
  const { name, type } = state.picture;
  const file = await inType(blob, bitmap, type);
  save(file, derivedName(name.replace(/(_completed)*\.[^.]*$/, "."), "_completed", file.type));
}
