// What is open as files to send: the picture as it came, the mask as PNG.

import { derivedName } from "./picture.js";
import { maskFile } from "./png.js";
import { state } from "./state.js";

export const imageFile = () => ({ blob: state.picture.blob, name: state.picture.name });

export const maskName = () => derivedName(state.picture.name, "_mask", "image/png");

/** The mask as a field of a form; nothing where nothing is marked. */
export async function maskField() {
  if (!state.mask?.marked) return [];
  const { bytes, width, height } = state.mask;
  return [["mask", { blob: await maskFile(bytes, width, height), name: maskName() }]];
}
