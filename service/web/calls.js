// The list of calls that the page has made, each to be copied as a curl command.

import { curlOf } from "./curl.js";
import { make, the } from "./dom.js";
import { key } from "./key.js";
import { announce } from "./messages.js";
import { on } from "./state.js";
import { text } from "./texts.js";

const MOST_SHOWN = 50;
const COPIED_MILLISECONDS = 2000;

export function startCalls() {
  on("call", ({ call, status, seconds }) => {
    const list = the("call-list");
    list.prepend(entry(call, status, seconds));
    while (list.children.length > MOST_SHOWN) list.lastChild.remove();
  });
}

function entry(call, status, seconds) {
  const name = `${call.method} /${call.path}`;
  const said = status ? text("calls.entry", { status, seconds }) : text("calls.noAnswer");
  const copied = (event) => copy(curlOf(call, Boolean(key())), event.currentTarget);
  const label = text("calls.copyOf", { name });
  return make(
    "li",
    {},
    make("code", { text: name }),
    make("span", { class: "faint", text: said }),
    make("button", { type: "button", text: text("calls.copy"), "aria-label": label, onclick: copied }),
  );
}

/** Into the clipboard, and `button` says so; where the browser allows that to no page, into a dialog to copy from. */
export async function copy(line, button) {
  try {
    await navigator.clipboard.writeText(line);
    announce(text("calls.copied"));
    button.textContent = text("calls.copied");
    setTimeout(() => (button.textContent = text("calls.copy")), COPIED_MILLISECONDS);
  } catch {
    the("copy-text").value = line;
    the("copy-dialog").showModal();
    the("copy-text").select();
  }
}
