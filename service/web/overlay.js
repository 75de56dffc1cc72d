// What lies over the picture as lines: the brush's outline, unfinished shapes, faces with their landmarks, the divider.

import { makeSvg, the } from "./dom.js";
import { held, LINES } from "./landmarks.js";
import { taken } from "./landmark_moves.js";
import { on, state } from "./state.js";
import { cssScale, toStage } from "./view.js";

const overlay = the("overlay");
const layers = {};
let pointer = null; // where the tool is, in pixels of the picture

export function startOverlay() {
  for (const name of ["faces", "preview", "divider", "brush"]) {
    layers[name] = makeSvg("g", { class: name });
    overlay.append(layers[name]);
  }
  on("view", drawAll);
  on("faces landmarks tool mode", drawFaces);
  on("split result", drawDivider);
  on("preview", drawPreview);
  on("hover", (point) => {
    pointer = point;
    drawBrush();
  });
  on("brush tool mode", drawBrush);
  for (const id of ["show-landmarks", "grip"]) the(id).addEventListener("change", drawFaces);
}

function drawAll() {
  drawFaces();
  drawDivider();
  drawBrush();
}

const path = (points, closed) => `M${points.map(([x, y]) => toStage(x, y).map((value) => value.toFixed(1))).join("L")}${closed ? "Z" : ""}`;

/** Not over a result that is only looked at. */
function drawFaces() {
  const hidden = state.mode === "result" && state.tool !== "landmarks" && state.tool !== "face";
  layers.faces.replaceChildren(...(hidden ? [] : state.faces.flatMap(faceLines)));
}

function faceLines(face, number) {
  const label = makeSvg("text", { x: toStage(...corners(face)[0])[0], y: toStage(...corners(face)[0])[1] - 6 });
  label.textContent = number + 1;
  const found = [makeSvg("path", { class: `frame${face.added ? " added" : ""}`, d: path(corners(face), true) }), label];
  if (!the("show-landmarks").checked) return found;
  for (const [first, end, closed] of LINES) {
    found.push(makeSvg("path", { class: "line", d: path(face.landmarks.slice(first, end), closed) }));
  }
  return [...found, ...points(face, number)];
}

function points(face, number) {
  const moving = state.tool === "landmarks" && taken.face === number ? held(taken.index, the("grip").value) : [];
  const most = state.tool === "landmarks" ? 4 : 2;
  const radius = Math.min(most, Math.max(1, ((face.box[2] - face.box[0]) * cssScale()) / 60));
  return face.landmarks.map(([x, y], index) => {
    const [cx, cy] = toStage(x, y);
    return makeSvg("circle", { class: moving.includes(index) ? "taken" : "point", cx, cy, r: radius });
  });
}

/** The box turned around its middle by the face's roll. */
function corners({ box: [x0, y0, x1, y1], roll_degrees: degrees }) {
  const [cx, cy, half] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0 + y1 - y0) / 4];
  const turn = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turn) * half, Math.sin(turn) * half];
  return [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => [cx + cos * x - sin * y, cy + sin * x + cos * y]);
}

function drawDivider() {
  const shown = state.mode === "result" && state.result && state.picture;
  if (!shown) return layers.divider.replaceChildren();
  const { width, height } = state.picture;
  const [x, top] = toStage(state.split * width, 0);
  const [, bottom] = toStage(0, height);
  const handle = makeSvg("circle", { cx: x, cy: the("stage").clientHeight / 2, r: 10 });
  return layers.divider.replaceChildren(makeSvg("line", { x1: x, x2: x, y1: top, y2: bottom }), handle);
}

function drawPreview(preview) {
  if (!preview) return layers.preview.replaceChildren();
  const { tool, points: drawn } = preview;
  const [[x0, y0], [x1, y1]] = [drawn[0], drawn.at(-1)];
  const outline = tool === "lasso" ? drawn : [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  return layers.preview.replaceChildren(makeSvg("path", { d: path(outline, true) }));
}

function drawBrush() {
  const paints = (state.tool === "brush" || state.tool === "eraser") && state.mode === "edit";
  the("stage").classList.toggle("paints", paints && Boolean(state.picture));
  if (!pointer || !state.picture) return layers.brush.replaceChildren();
  const [cx, cy] = toStage(...pointer);
  const r = paints ? Math.max(1, state.radius * cssScale()) : 3;
  return layers.brush.replaceChildren(makeSvg("circle", { class: "dark", cx, cy, r }), makeSvg("circle", { class: "light", cx, cy, r }));
}
