// Opening a picture: dropped, pasted, chosen or a sample; and a mask from a file or from transparency.

import { ask } from "./api.js";
import { suitBrush } from "./brush.js";
import { save, the, TYPED } from "./dom.js";
import { maskName } from "./files.js";
import { remember } from "./history.js";
import { Mask } from "./mask.js";
import { complainOf, refusal, settle } from "./messages.js";
import { decoded, openPicture, release, reopened } from "./picture.js";
import { maskBytes, maskFile } from "./png.js";
import { state, tell } from "./state.js";
import { text } from "./texts.js";
import { commitMask } from "./tools.js";

const SAMPLE = { picture: "web/samples/astronaut.jpg", mask: "web/samples/astronaut_mask.png" };

export function startOpening() {
  for (const button of document.querySelectorAll("[data-chooses]")) {
    button.addEventListener("click", () => the(button.dataset.chooses).click());
  }
  the("picture-file").addEventListener("change", (event) => chosen(event.target, open));
  the("mask-file").addEventListener("change", (event) => chosen(event.target, loadMask));
  the("open-sample").addEventListener("click", () => openSample(false));
  document.querySelector(".sample").addEventListener("click", () => openSample(false));
  the("open-sample-mask").addEventListener("click", () => openSample(true));
  the("from-alpha").addEventListener("click", fromAlpha);
  the("save-mask").addEventListener("click", saveMask);
  the("paste").addEventListener("click", pasteByButton);
  document.addEventListener("paste", (event) => opens(event, event.clipboardData, "open.nothingToPaste"));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragged");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) document.body.classList.remove("dragged");
  });
  document.addEventListener("drop", (event) => opens(event, event.dataTransfer, "open.nothingDropped"));
}

/** Makes this file the picture; undo brings back the one before, with its mask and faces. */
export async function open(file) {
  settle();
  tellOpening(file);
  try {
    replace(await openPicture(file, file.name ?? ""));
  } catch (error) {
    complainOf(error, "image");
  } finally {
    tellOpening(null);
  }
}

/** Large pictures take a moment. */
function tellOpening(file) {
  the("opening").hidden = !file;
  the("opening").textContent = file ? text("open.opening", file) : "";
}

function replace(picture) {
  const before = state.picture && kept();
  if (before) release(state.picture);
  Object.assign(state, { picture, mask: new Mask(picture.width, picture.height), faces: [], facesChanged: false });
  if (before) remember(swapping(before));
  suitBrush();
  tellAll();
}

/** Makes a result the picture; undo brings back the picture before, with its mask and faces. */
export async function keepEditing(blob, bitmap, proxy, name) {
  const before = kept();
  const { width, height } = bitmap;
  const picture = { ...state.picture, blob, bitmap, proxy, name };
  release(state.picture);
  Object.assign(state, { picture, mask: new Mask(width, height) });
  remember(swapping(before));
  tellAll();
}

/** What a step of the history keeps of a picture: no decoded pixels, and the mask as runs. */
function kept() {
  const { picture, mask, faces, facesChanged } = state;
  mask.sleep();
  return { picture: { ...picture, bitmap: null, proxy: null }, mask, faces, facesChanged };
}

function swapping(before) {
  return async () => {
    const picture = await reopened(before.picture);
    const now = kept();
    before.mask.wake();
    release(state.picture);
    Object.assign(state, before, { picture });
    tellAll();
    return swapping(now);
  };
}

function tellAll() {
  for (const name of ["picture", "mask", "share", "faces"]) tell(name);
}

async function chosen(input, then) {
  const [file] = input.files;
  if (file) await then(file);
  input.value = ""; // so that the same file can be chosen again
}

/** A file becomes the picture. Anything else is refused, or a browser would leave the page for it; text goes into fields. */
function opens(event, transfer, refused) {
  document.body.classList.remove("dragged");
  const [file] = transfer?.files ?? [];
  if (!file && event.target.closest?.(TYPED)) return;
  event.preventDefault();
  if (file) open(file);
  else complainOf(refusal("image", refused));
}

/** Browsers let a page read the clipboard only when it came by https or from this machine. */
async function pasteByButton() {
  settle("image");
  try {
    const items = await navigator.clipboard.read();
    const found = items.flatMap((item) => item.types.map((type) => [item, type])).find(([, type]) => type.startsWith("image/"));
    if (!found) throw refusal("image", "open.nothingToPaste");
    await open(await found[0].getType(found[1]));
  } catch (error) {
    complainOf(error.said ? error : refusal("image", "open.pasteByKey"), "image");
  }
}

async function openSample(masked) {
  try {
    await open(await fetched(SAMPLE.picture));
    if (masked) await loadMask(await fetched(SAMPLE.mask));
  } catch (error) {
    complainOf(error, "image");
  }
}

async function fetched(path) {
  const name = path.split("/").at(-1);
  const blob = await ask({ method: "GET", path, read: (response) => response.blob(), output: name });
  return new File([blob], name, { type: blob.type });
}

async function loadMask(file) {
  settle("mask");
  try {
    const bitmap = await decoded(file, "mask");
    const { width, height } = state.mask;
    if (bitmap.width !== width || bitmap.height !== height) {
      throw refusal("mask", "mask.sizesDiffer", { actual: [bitmap.width, bitmap.height], allowed: [width, height] });
    }
    become(maskBytes(bitmap, false));
  } catch (error) {
    complainOf(error, "mask");
  }
}

function fromAlpha() {
  settle("mask");
  const bytes = maskBytes(state.picture.bitmap, true);
  if (bytes.includes(1)) become(bytes);
  else complainOf(refusal("mask", "mask.noAlpha"), "mask");
}

function become(bytes) {
  tell("mask", state.mask.replace(bytes));
  commitMask();
}

async function saveMask() {
  const { bytes, width, height } = state.mask;
  save(await maskFile(bytes, width, height), maskName());
}
