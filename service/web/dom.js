// Elements: found by id, made from a description, filled with the texts of texts.js.

import { text } from "./texts.js";

/** Fields that text is typed into. */
export const TYPED = ["input:not([type=radio]):not([type=checkbox]):not([type=range])", "textarea", "select"].join();

/** The element with this id. */
export const the = (id) => document.getElementById(id);

/** A new element. `attributes` may hold `text`, and listeners under names such as `onclick`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function makeSvg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Puts the texts where `data-text` (content) and `data-label` (accessible name) ask for them. */
export function speak(root) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
}

/** Hides or disables what may have the focus by `change`; where it had it, the focus goes to `next`, not to nowhere. */
export function keepFocus(next, change) {
  const had = document.activeElement;
  change();
  if (had?.disabled || !had?.checkVisibility()) next.focus({ preventScroll: true });
}

/** Offers bytes as a file to keep. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
