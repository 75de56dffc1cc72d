// What the page says: refusals at the place that they are about, and news for screen readers.

import { the } from "./dom.js";
import { problemText, text } from "./texts.js";

// The form field that an error names -> where the user looks for it.
const PLACES = {
  image: "image",
  mask: "mask",
  mask_mode: "mask",
  mask_dilate: "mask",
  landmarks: "faces",
  faces: "faces",
  align: "faces",
  model: "model",
  reference: "model",
  attributes: "model",
  samples: "model",
  seed: "model",
  blend: "model",
};
const PLACES_OF_CODES = {
  key_missing: "key",
  bad_key: "key",
  scope_missing: "key",
  sizes_differ: "mask",
  empty_hole: "mask",
  full_hole: "mask",
  bad_landmarks: "faces",
  unknown_model: "model",
  model_without_snapshot: "model",
};

/** Says something at a place: image, mask, faces, model, complete or key. */
export function complain(place, sentence) {
  const element = document.querySelector(`[data-place="${place}"]`);
  element.textContent = sentence;
  element.hidden = false;
  if (place === "key" && !the("key-dialog").open) the("key-dialog").showModal();
  element.scrollIntoView({ block: "nearest" });
}

/** Says why something failed: a refusal of the API, or an error of the page. `place`: where it was asked for. */
export function complainOf(error, place = "complete") {
  if (error.name === "AbortError") return;
  if (!error.problem) {
    complain(error.place ?? place, error.said ?? text("problem.page", { detail: error.message }));
    if (!error.said) console.error(error);
    return;
  }
  const named = PLACES[error.problem.errors?.[0]?.field];
  complain(PLACES_OF_CODES[error.problem.code] ?? named ?? place, problemText(error.problem, error.retryAfterSeconds));
}

/** An error that the page itself found, with its sentence and its place. */
export function refusal(place, key, values) {
  return Object.assign(new Error(key), { place, said: text(key, values) });
}

/** Takes back what was said at these places; at all of them without arguments. */
export function settle(...places) {
  for (const element of document.querySelectorAll("[data-place]")) {
    if (places.length === 0 || places.includes(element.dataset.place)) element.hidden = true;
  }
}

/** For screen readers only: what can be seen anyway. */
export function announce(sentence) {
  the("status").textContent = sentence;
}
