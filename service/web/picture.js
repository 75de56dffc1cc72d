// Pictures: told apart by their first bytes, held to the service's limits, decoded upright, and drawn on a smaller view.

import { refusal } from "./messages.js";
import { state } from "./state.js";

const VIEW_PIXELS = 2048; // longer side of the copy that is drawn while the whole picture is in sight
const TYPES = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

// The first bytes of files, as text with "?" for any byte; the name is shown.
const FORMATS = [
  ["\xff\xd8\xff", "image/jpeg"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["RIFF????WEBP", "image/webp"],
  ["????ftyphei", "HEIC"],
  ["????ftypmif", "HEIC"],
  ["????ftypavi", "AVIF"],
  ["GIF8", "GIF"],
  ["II*\0", "TIFF"],
  ["MM\0*", "TIFF"],
  ["BM", "BMP"],
  ["%PDF", "PDF"],
];

/**
 * Opens a file: {blob, name, type, width, height, bitmap, proxy}. Its bytes are taken along, for the file may change or
 * go before they are sent. Its refusals are said at `place`.
 */
export async function openPicture(file, name, place = "image") {
  const type = await typeOf(file, place);
  if (state.limits && file.size > state.limits.max_body_bytes) {
    throw refusal(place, "open.tooManyBytes", { actual: file.size, allowed: state.limits.max_body_bytes });
  }
  const blob = new Blob([await file.arrayBuffer()], { type });
  const bitmap = await decoded(blob, place);
  refuseSize(bitmap, place);
  return { blob, name: named(name, type), type, width: bitmap.width, height: bitmap.height, bitmap, proxy: await proxyOf(bitmap) };
}

/** The same picture decoded again, from what a step of the history kept. */
export async function reopened(kept) {
  const bitmap = await decoded(kept.blob, "image");
  return { ...kept, bitmap, proxy: await proxyOf(bitmap) };
}

/** Gives back the memory of what was decoded. */
export function release({ bitmap, proxy }) {
  bitmap?.close();
  proxy?.close();
}

/** Upright and with its colours as the browser shows them. */
export async function decoded(blob, place) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw refusal(place, "open.damaged");
  }
}

/** A bitmap to draw from while the whole picture is in sight. */
export async function proxyOf(bitmap) {
  const longer = Math.max(bitmap.width, bitmap.height);
  if (longer <= VIEW_PIXELS) return bitmap;
  const scale = VIEW_PIXELS / longer;
  return createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
    resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
    resizeQuality: "medium",
  });
}

/** `portrait.jpg`, "_completed", "image/png" -> `portrait_completed.png`. */
export function derivedName(name, ending, type) {
  return `${name.replace(/\.[^.]*$/, "")}${ending}.${TYPES[type]}`;
}

/** The picture in the type of the first file; what already is of that type stays byte for byte. */
export async function inType(blob, bitmap, type) {
  if (blob.type === type) return blob;
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type, quality: type === "image/webp" ? 1 : 0.95 });
}

async function typeOf(blob, place) {
  const bytes = new Uint8Array(await blob.slice(0, 16).arrayBuffer());
  const first = String.fromCharCode(...bytes);
  const fits = (start) => [...start].every((letter, i) => letter === "?" || letter === first[i]);
  const kind = FORMATS.find(([start]) => fits(start))?.[1];
  if (kind in TYPES) return kind;
  throw kind ? refusal(place, "open.foreign", { kind }) : refusal(place, "open.noPicture");
}

function refuseSize({ width, height }, place) {
  if (!state.limits) return;
  const { max_image_pixels: most, max_side_pixels: longest, min_side_pixels: shortest } = state.limits;
  const size = { width, height };
  if (width * height > most) throw refusal(place, "open.tooManyPixels", { ...size, allowed: most });
  if (Math.max(width, height) > longest) throw refusal(place, "open.sideTooLong", { ...size, allowed: longest });
  if (Math.min(width, height) < shortest) throw refusal(place, "open.sideTooShort", { ...size, allowed: shortest });
}

function named(name, type) {
  return /\.[A-Za-z0-9]+$/.test(name) ? name : `${name || "picture"}.${TYPES[type]}`;
}
