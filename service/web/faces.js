// The faces of the picture: found by POST /landmarks, added, turned and removed by hand, and what is sent of them.

import { ask } from "./api.js";
import { make, the } from "./dom.js";
import { remember } from "./history.js";
import { averageFace } from "./landmarks.js";
import { announce, complainOf, refusal, settle } from "./messages.js";
import { imageFile, maskField } from "./files.js";
import { on, state, tell } from "./state.js";
import { text } from "./texts.js";

const SMALLEST_BOX_PIXELS = 8;

export function startFaces() {
  the("find-faces").addEventListener("click", find);
  on("faces picture", showList);
}

/** A step of the history around any change of the faces. */
export function changeFaces(change) {
  const before = snapshot();
  change();
  remember(() => restore(before));
  tell("faces");
}

export function snapshot() {
  return structuredClone({ faces: state.faces, facesChanged: state.facesChanged });
}

export function restore(kept) {
  const now = snapshot();
  Object.assign(state, structuredClone(kept));
  tell("faces");
  return () => restore(now);
}

/** What is sent: the landmarks that were moved, and all faces if the list was changed by hand. */
export function faceFields(guidance) {
  const edited = state.faces.filter((face) => face.edited).map((face) => face.landmarks);
  const fields = [];
  if (edited.length && guidance.includes("landmarks")) fields.push(["landmarks", rounded(edited)]);
  if (state.facesChanged && state.faces.length && guidance.includes("faces")) {
    fields.push(["faces", rounded(state.faces.map(({ box, roll_degrees: roll }) => ({ box, roll })))]);
  }
  return fields;
}

/** Adds a face that nobody sees, in a square between two corners. */
export function addFace(x0, y0, x1, y1) {
  const side = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
  if (side < SMALLEST_BOX_PIXELS) return;
  const [left, top] = [x1 < x0 ? x0 - side : x0, y1 < y0 ? y0 - side : y0];
  const box = [left, top, left + side, top + side];
  changeFaces(() => {
    state.faces.push({ box, roll_degrees: 0, landmarks: averageFace(box, 0), added: true, edited: false });
    state.facesChanged = true;
  });
  announce(text("faces.added", { number: state.faces.length }));
}

async function find() {
  if (!state.picture) return;
  settle("faces", "image");
  the("find-faces").disabled = true;
  try {
    const fields = [["image", imageFile()], ...(await maskField())];
    const picture = state.picture;
    const answer = await ask({ method: "POST", path: "landmarks", fields });
    if (state.picture !== picture) return;
    const found = answer.faces.map((face) => ({ ...face, added: false, edited: false }));
    changeFaces(() => Object.assign(state, { faces: found, facesChanged: false }));
    announce(text("faces.found", { count: found.length }));
    if (!found.length) throw refusal("faces", "faces.none");
  } catch (error) {
    complainOf(error, "faces");
  } finally {
    the("find-faces").disabled = false;
  }
}

function showList() {
  the("face-list").replaceChildren(...state.faces.map(item));
}

function item(face, index) {
  const number = index + 1;
  const remove = () => changeFaces(() => {
    state.faces.splice(index, 1);
    state.facesChanged = true;
  });
  const roll = make("input", { type: "number", min: -180, max: 180, step: 1, value: Math.round(face.roll_degrees) });
  roll.disabled = !face.added;
  roll.addEventListener("change", () => turn(index, Number(roll.value)));
  return make(
    "li",
    { class: "row" },
    make("span", { text: text(face.edited ? "faces.nameEdited" : "faces.name", { number }) }),
    make("label", { class: "row" }, make("span", { text: text("faces.roll") }), roll),
    make("button", { type: "button", text: text("faces.remove"), "aria-label": text("faces.removeOf", { number }), onclick: remove }),
  );
}

/** Turns a face that was added by hand, with its landmarks. */
function turn(index, degrees) {
  changeFaces(() => {
    const face = state.faces[index];
    face.roll_degrees = Math.min(180, Math.max(-180, degrees || 0));
    face.landmarks = averageFace(face.box, face.roll_degrees);
    face.edited = false;
    state.facesChanged = true;
  });
}

const rounded = (value) => JSON.stringify(value, (_, number) => (typeof number === "number" ? Math.round(number * 100) / 100 : number));
