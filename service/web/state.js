// What is open, and who hears of its changes. All lengths are pixels of the upright picture unless a name says otherwise.

export const state = {
  picture: null, // {blob, name, type, width, height, bitmap, proxy}: see picture.js
  mask: null, // Mask, as large as the picture: see mask.js
  faces: [], // {box: [x0, y0, x1, y1], roll_degrees, landmarks: [[x, y] * 68], added, edited}
  facesChanged: false, // whether faces were added or removed by hand, so that they must be sent
  tool: "brush",
  radius: 30, // of the brush
  mode: "edit", // or "result"
  result: null, // {blobs, bitmaps, chosen, seed, faceCount, model}
  split: 0.5, // left of this share of the picture the original is shown
  holding: false, // the original is shown while a key or button is held
  busy: false, // a completion is under way
  model: null, // as GET /models tells it
  models: [],
  limits: null, // as GET /limits tells it
};

const bus = new EventTarget();

/** Calls `listener` whenever `name` is told: picture, mask, faces, view, tool, result, models, busy, history. */
export function on(names, listener) {
  for (const name of names.split(" ")) bus.addEventListener(name, (event) => listener(event.detail));
}

export function tell(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}
