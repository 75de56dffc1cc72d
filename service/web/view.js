// The stage: which part of the picture is seen, how large, and how picture, result and mask are drawn on it.
// `view` is in device pixels: a point of the picture lies at x * scale + view.x.

import { the } from "./dom.js";
import { on, state, tell } from "./state.js";

const MOST_SCALE = 32;
const LEAST_SHARE = 0.5; // of the scale at which the whole picture is seen
const TINT = 0x99_8a_2c_e8; // of the mask, as bytes in memory: red e8, green 2c, blue 8a, alpha 99
const PROXY_STRETCH = 1.2; // the smaller copy serves while it is not enlarged by more

export const view = { scale: 1, x: 0, y: 0, fitted: true };
const stage = the("stage");
const pictureCanvas = the("picture-canvas");
const maskCanvas = the("mask-canvas");
const pictureContext = pictureCanvas.getContext("2d", { alpha: false });
const maskContext = maskCanvas.getContext("2d");
let waiting = { all: false, region: null, frame: 0 };

export function startView() {
  new ResizeObserver(resize).observe(stage);
  on("picture", fit);
  on("mask", (region) => redrawMask(region));
  on("result", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** CSS pixels of the page -> pixels of the picture. */
export function toPicture(clientX, clientY) {
  const box = stage.getBoundingClientRect();
  const ratio = devicePixelRatio;
  return [((clientX - box.left) * ratio - view.x) / view.scale, ((clientY - box.top) * ratio - view.y) / view.scale];
}

/** Pixels of the picture -> CSS pixels of the stage. */
export function toStage(x, y) {
  return [(x * view.scale + view.x) / devicePixelRatio, (y * view.scale + view.y) / devicePixelRatio];
}

/** How many CSS pixels a pixel of the picture takes. */
export const cssScale = () => view.scale / devicePixelRatio;

export function fit() {
  if (!state.picture) return redraw();
  const { width, height } = state.picture;
  view.scale = fittingScale(state.picture);
  view.x = Math.round((maskCanvas.width - width * view.scale) / 2);
  view.y = Math.round((maskCanvas.height - height * view.scale) / 2);
  view.fitted = true;
  return redraw();
}

function fittingScale({ width, height }) {
  const margin = 8 * devicePixelRatio;
  const [wide, high] = [maskCanvas.width - 2 * margin, maskCanvas.height - 2 * margin];
  return Math.max(0.001, Math.min(wide / width, high / height, 4 * devicePixelRatio));
}

/** Enlarges by `factor` around a point of the page, or around the middle of the stage. */
export function zoom(factor, clientX, clientY) {
  if (!state.picture) return;
  const box = stage.getBoundingClientRect();
  const [px, py] = [clientX ?? box.left + box.width / 2, clientY ?? box.top + box.height / 2];
  const [x, y] = toPicture(px, py);
  const before = view.scale;
  view.scale = Math.min(MOST_SCALE * devicePixelRatio, Math.max(fittingScale(state.picture) * LEAST_SHARE, view.scale * factor));
  view.x += x * (before - view.scale);
  view.y += y * (before - view.scale);
  view.fitted = false;
  redraw();
}

/** Moves what is seen by CSS pixels. */
export function pan(dx, dy) {
  view.x += dx * devicePixelRatio;
  view.y += dy * devicePixelRatio;
  view.fitted = false;
  redraw();
}

/** Draws everything anew with the next frame. */
export function redraw() {
  waiting.all = true;
  schedule();
}

/** Draws a rectangle of the mask anew with the next frame; all of it without one. */
export function redrawMask(region) {
  if (!region) return redraw();
  const old = waiting.region;
  waiting.region = old
    ? [Math.min(old[0], region[0]), Math.min(old[1], region[1]), Math.max(old[2], region[2]), Math.max(old[3], region[3])]
    : region;
  return schedule();
}

function schedule() {
  if (!waiting.frame) waiting.frame = requestAnimationFrame(draw);
}

function draw() {
  const { all, region } = waiting;
  waiting = { all: false, region: null, frame: 0 };
  if (all) {
    drawPicture();
    maskContext.clearRect(0, 0, maskCanvas.width, maskCanvas.height);
    drawMask([0, 0, state.mask?.width ?? 0, state.mask?.height ?? 0]);
    tell("view");
  } else if (region) {
    drawMask(region);
  }
}

function resize() {
  const box = stage.getBoundingClientRect();
  for (const canvas of [pictureCanvas, maskCanvas]) {
    canvas.width = Math.max(1, Math.round(box.width * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(box.height * devicePixelRatio));
  }
  if (view.fitted) fit();
  else redraw();
}

function drawPicture() {
  const context = pictureContext;
  context.fillStyle = getComputedStyle(stage).backgroundColor;
  context.fillRect(0, 0, pictureCanvas.width, pictureCanvas.height);
  if (!state.picture) return;
  const shown = state.mode === "result" && state.result && !state.holding ? state.result : null;
  drawBitmap(state.picture);
  if (!shown) return;
  const edge = state.split * state.picture.width * view.scale + view.x;
  context.save();
  context.beginPath();
  context.rect(edge, 0, pictureCanvas.width - edge, pictureCanvas.height);
  context.clip();
  drawBitmap({ ...state.picture, ...shown.pictures[shown.chosen] });
  context.restore();
}

function drawBitmap({ bitmap, proxy, width, height }) {
  const stretch = (view.scale * width) / proxy.width;
  const source = stretch <= PROXY_STRETCH ? proxy : bitmap;
  pictureContext.imageSmoothingEnabled = view.scale < 2;
  pictureContext.imageSmoothingQuality = "medium";
  pictureContext.drawImage(source, view.x, view.y, width * view.scale, height * view.scale);
}

/** Each pixel of the stage shows the pixel of the mask that its centre lies on. */
function drawMask([x0, y0, x1, y1]) {
  const { mask } = state;
  if (!mask || (state.mode === "result" && state.result)) return;
  const left = Math.max(0, Math.floor(x0 * view.scale + view.x) - 1);
  const top = Math.max(0, Math.floor(y0 * view.scale + view.y) - 1);
  const right = Math.min(maskCanvas.width, Math.ceil(x1 * view.scale + view.x) + 1);
  const bottom = Math.min(maskCanvas.height, Math.ceil(y1 * view.scale + view.y) + 1);
  if (left >= right || top >= bottom) return;
  const columns = Int32Array.from({ length: right - left }, (_, i) => Math.floor((left + i + 0.5 - view.x) / view.scale));
  const image = new ImageData(right - left, bottom - top);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = top, at = 0; row < bottom; row += 1) {
    const y = Math.floor((row + 0.5 - view.y) / view.scale);
    const inside = y >= 0 && y < mask.height;
    for (let i = 0; i < columns.length; i += 1, at += 1) {
      const x = columns[i];
      if (inside && x >= 0 && x < mask.width && mask.bytes[y * mask.width + x]) pixels[at] = TINT;
    }
  }
  maskContext.putImageData(image, left, top);
}
