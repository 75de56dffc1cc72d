// The mask in full size: one byte for each pixel of the picture, 1 = to be filled. It has no soft edge, as the service
// has none. A step of the history keeps what a rectangle held before, as lengths of runs.

import { capsule, polygon, rectangle } from "./shapes.js";

export class Mask {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.bytes = new Uint8Array(width * height);
    this.committed = new Uint8Array(width * height); // as at the last commit
    this.touched = null; // [x0, y0, x1, y1] since the last commit, the ends not included
    this.marked = 0; // pixels, as at the last commit
    this.runs = null; // while it sleeps
  }

  get share() {
    return this.marked / (this.width * this.height);
  }

  /** The smallest rectangle that holds every marked pixel, the ends not included; null where nothing is marked. */
  bounds() {
    let found = null;
    for (let y = 0; y < this.height; y += 1) {
      const row = this.bytes.subarray(y * this.width, (y + 1) * this.width);
      const first = row.indexOf(1);
      if (first < 0) continue;
      const here = [first, y, row.lastIndexOf(1) + 1, y + 1];
      found = found ? union(found, here) : here;
    }
    return found;
  }

  /** Draws a shape; returns the rectangle that it may have changed. `value`: 1 marks, 0 takes away. */
  capsule(x0, y0, x1, y1, radius, value) {
    capsule(x0, y0, x1, y1, radius, this.height, (y, first, last) => this.#fill(y, first, last, value));
    const edge = radius + 1;
    return this.#touch(Math.min(x0, x1) - edge, Math.min(y0, y1) - edge, Math.max(x0, x1) + edge, Math.max(y0, y1) + edge);
  }

  rectangle(x0, y0, x1, y1, value) {
    rectangle(x0, y0, x1, y1, this.height, (y, first, last) => this.#fill(y, first, last, value));
    return this.#touch(Math.min(x0, x1) - 1, Math.min(y0, y1) - 1, Math.max(x0, x1) + 1, Math.max(y0, y1) + 1);
  }

  polygon(points, value) {
    polygon(points, this.height, (y, first, last) => this.#fill(y, first, last, value));
    const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
    return this.#touch(Math.min(...xs) - 1, Math.min(...ys) - 1, Math.max(...xs) + 1, Math.max(...ys) + 1);
  }

  invert() {
    const words = new Uint32Array(this.bytes.buffer, 0, this.bytes.length >> 2);
    for (let i = 0; i < words.length; i += 1) words[i] ^= 0x01010101;
    for (let i = words.length * 4; i < this.bytes.length; i += 1) this.bytes[i] ^= 1;
    return this.#touchAll();
  }

  clear() {
    this.bytes.fill(0);
    return this.#touchAll();
  }

  /** Takes over other bytes of the same size. */
  replace(bytes) {
    this.bytes.set(bytes);
    return this.#touchAll();
  }

  /** Marks everything within `pixels` of a marked pixel, a disc as the service's mask_dilate; below 0 it shrinks. */
  grow(pixels) {
    const value = pixels > 0 ? 1 : 0;
    const before = this.bytes.slice();
    const radius = Math.abs(pixels);
    eachRun(before, this.width, this.height, value, (y, first, end) => {
      for (let dy = -radius; dy <= radius; dy += 1) {
        if (y + dy < 0 || y + dy >= this.height) continue;
        const reach = Math.floor(Math.sqrt(radius * radius - dy * dy));
        this.#fill(y + dy, first - reach, end - 1 + reach, value);
      }
    });
    return this.#touchAll();
  }

  /** Gives back its memory but for the lengths of its runs, while another picture is open. */
  sleep() {
    this.revert();
    this.runs = readRuns(this.bytes, this.width, [0, 0, this.width, this.height]);
    [this.bytes, this.committed] = [null, null];
  }

  wake() {
    this.bytes = new Uint8Array(this.width * this.height);
    writeRuns(this.bytes, this.width, [0, 0, this.width, this.height], this.runs);
    [this.committed, this.runs] = [this.bytes.slice(), null];
  }

  /** Ends a step: what it takes to undo it, or null if nothing changed. */
  commit() {
    if (this.touched === null) return null;
    const region = this.touched;
    const patch = { region, runs: readRuns(this.committed, this.width, region) };
    const before = this.marked;
    const changed = this.#settle(region);
    return changed || this.marked !== before ? patch : null;
  }

  /** Undoes a step; returns what undoes the undoing. */
  swap(patch) {
    const back = { region: patch.region, runs: readRuns(this.bytes, this.width, patch.region) };
    writeRuns(this.bytes, this.width, patch.region, patch.runs);
    this.#settle(patch.region);
    return back;
  }

  /** Drops what was drawn since the last commit; returns the rectangle that changes back. */
  revert() {
    const region = this.touched;
    if (region) eachRow(this.width, region, (start, end) => this.bytes.set(this.committed.subarray(start, end), start));
    this.touched = null;
    return region;
  }

  #fill(y, first, last, value) {
    const from = Math.max(0, first);
    const to = Math.min(this.width - 1, last);
    if (from <= to) this.bytes.fill(value, y * this.width + from, y * this.width + to + 1);
  }

  #touch(x0, y0, x1, y1) {
    const region = [
      Math.max(0, Math.floor(x0)),
      Math.max(0, Math.floor(y0)),
      Math.min(this.width, Math.ceil(x1)),
      Math.min(this.height, Math.ceil(y1)),
    ];
    if (region[0] >= region[2] || region[1] >= region[3]) return null;
    this.touched = this.touched === null ? region : union(this.touched, region);
    return region;
  }

  #touchAll() {
    return this.#touch(0, 0, this.width, this.height);
  }

  /** Makes the region of `committed` equal to `bytes` and counts; tells whether anything was different. */
  #settle(region) {
    let changed = false;
    eachRow(this.width, region, (start, end) => {
      let difference = 0;
      for (let i = start; i < end; i += 1) {
        const step = this.bytes[i] - this.committed[i];
        difference += step;
        if (step !== 0) changed = true;
      }
      this.marked += difference;
      this.committed.set(this.bytes.subarray(start, end), start);
    });
    this.touched = null;
    return changed;
  }
}

export function union(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

function eachRow(width, [x0, y0, x1, y1], visit) {
  for (let y = y0; y < y1; y += 1) visit(y * width + x0, y * width + x1);
}

/** Lengths of runs, row by row from left to right, of 0 and 1 in turns, beginning with 0. */
function readRuns(bytes, width, region) {
  const runs = [];
  let [value, length] = [0, 0];
  eachRow(width, region, (start, end) => {
    for (let at = start; at < end; ) {
      const next = nextOf(bytes, 1 - value, at, end);
      length += next - at;
      at = next;
      if (at < end) {
        runs.push(length);
        [value, length] = [1 - value, 0];
      }
    }
  });
  runs.push(length);
  return Uint32Array.from(runs);
}

function writeRuns(bytes, width, region, runs) {
  let [index, left, value] = [0, runs[0], 0];
  eachRow(width, region, (start, end) => {
    for (let at = start; at < end; ) {
      while (left === 0) [index, left, value] = [index + 1, runs[index + 1], 1 - value];
      const count = Math.min(left, end - at);
      bytes.fill(value, at, at + count);
      at += count;
      left -= count;
    }
  });
}

function nextOf(bytes, value, from, end) {
  const found = bytes.subarray(from, end).indexOf(value);
  return found < 0 ? end : from + found;
}

function eachRun(bytes, width, height, value, visit) {
  for (let y = 0; y < height; y += 1) {
    const end = (y + 1) * width;
    for (let first = nextOf(bytes, value, y * width, end); first < end; ) {
      const last = nextOf(bytes, 1 - value, first, end);
      visit(y, first - y * width, last - y * width);
      first = nextOf(bytes, value, last, end);
    }
  }
}
