// Undo and redo, without limit. A step is a function that undoes itself and returns the step that does it again.

import { complainOf } from "./messages.js";
import { tell } from "./state.js";

let done = [];
let undone = [];
let running = Promise.resolve();

/** Remembers a step that was just done by how to undo it. */
export function remember(step) {
  done.push(step);
  undone = [];
  tell("history", sizes());
}

export const undo = () => move(() => done, () => undone);
export const redo = () => move(() => undone, () => done);

/** One after another: a step may have to decode a picture first. One that fails can be tried again. */
function move(from, to) {
  running = running.then(async () => {
    const [here, there] = [from(), to()];
    const step = here.pop();
    if (!step) return;
    try {
      there.push(await step());
    } catch (error) {
      here.push(step);
      complainOf(error, "image");
    }
    tell("history", sizes());
  });
  return running;
}

function sizes() {
  return { done: done.length, undone: undone.length };
}
