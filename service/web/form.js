// The form of a completion, as POST /inpaint and POST /jobs take it: what is open, painted and chosen.

import { faceFields } from "./faces.js";
import { imageFile, maskField } from "./files.js";
import { refusal } from "./messages.js";
import { guidanceFields } from "./models.js";
import { state } from "./state.js";

/** All fields, in the order of the documentation. Refuses what the service would refuse: a mask of nothing, or of all. */
export async function formFields() {
  if (!state.model) throw refusal("model", "model.unknown");
  if (!state.mask.marked) throw refusal("mask", "mask.empty");
  if (state.mask.marked === state.mask.bytes.length) throw refusal("mask", "mask.full");
  const { name, guidance } = state.model;
  const image = ["image", imageFile()];
  return [image, ...(await maskField()), ["model", name], ...faceFields(guidance), ...guidanceFields()];
}
