// Taking landmarks of a face, one or a part, and moving them; then the result follows.

import { the } from "./dom.js";
import { restore, snapshot } from "./faces.js";
import { remember } from "./history.js";
import { held, partOf } from "./landmarks.js";
import { announce } from "./messages.js";
import { state, tell } from "./state.js";
import { text } from "./texts.js";
import { cssScale } from "./view.js";

const REACH = 24; // CSS pixels around a landmark in which it is taken
const PAUSE_MILLISECONDS = 500; // after the last key, until the result follows

export const taken = { face: 0, index: 48 }; // what keys move; begins at a corner of the mouth
let moving = null; // {face, indices, before}
let timer = 0;

/** Takes the landmark nearest to a point; tells whether one was in reach. */
export function takeLandmarks(x, y) {
  const near = nearest(x, y);
  if (!near || near.distance * cssScale() > REACH) return false;
  Object.assign(taken, { face: near.face, index: near.index });
  hold();
  return true;
}

export function moveLandmarks(dx, dy) {
  if (!moving) return;
  const face = state.faces[moving.face];
  for (const index of moving.indices) face.landmarks[index] = shifted(face.landmarks[index], dx, dy);
  if (dx || dy) face.edited = true;
  tell("landmarks");
}

/** Ends the move; `wanted` asks for the result to follow. */
export function dropLandmarks() {
  const { before, face } = moving;
  moving = null;
  if (JSON.stringify(before.faces[face]) === JSON.stringify(state.faces[face])) return;
  remember(following(() => restore(before)));
  tell("faces");
  tell("wanted");
}

/** Moves what is taken by keys; the result follows when they rest. */
export function nudge(dx, dy) {
  if (!state.faces[taken.face]) return;
  hold();
  moveLandmarks(dx, dy);
  const { before } = moving;
  moving = null;
  remember(following(() => restore(before)));
  tell("faces");
  say();
  clearTimeout(timer);
  timer = setTimeout(() => tell("wanted"), PAUSE_MILLISECONDS);
}

/** Takes the next landmark, the next part, or the one before; over the last one to the next face. */
export function takeNext(step) {
  if (!state.faces.length) return;
  const grip = the("grip").value;
  let [face, index] = [taken.face % state.faces.length, taken.index];
  do {
    index += step;
    if (index < 0 || index > 67) [face, index] = [(face + step + state.faces.length) % state.faces.length, (index + 68) % 68];
  } while (grip === "part" && index !== held(index, "part")[0]);
  Object.assign(taken, { face, index });
  tell("landmarks");
  say();
}

/** A step of the history that a result follows, too. */
function following(step) {
  return () => {
    const back = step();
    if (state.result) tell("wanted");
    return following(back);
  };
}

function hold() {
  moving = { face: taken.face, indices: held(taken.index, the("grip").value), before: snapshot() };
}

function say() {
  const [x, y] = state.faces[taken.face].landmarks[taken.index].map(Math.round);
  const part = text(`faces.parts.${partOf(taken.index)}`);
  announce(text("faces.taken", { part, number: taken.index, face: taken.face + 1, x, y }));
}

function nearest(x, y) {
  let best = null;
  state.faces.forEach(({ landmarks }, face) => landmarks.forEach(([px, py], index) => {
    const distance = Math.hypot(px - x, py - y);
    if (!best || distance < best.distance) best = { face, index, distance };
  }));
  return best;
}

const shifted = ([x, y], dx, dy) => [x + dx, y + dy];
