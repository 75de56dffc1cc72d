// The key to the service: kept for this tab only, sent as `Authorization: Bearer`.

import { the } from "./dom.js";
import { settle } from "./messages.js";
import { tell } from "./state.js";

const NAME = "inpaint-key";

export const key = () => sessionStorage.getItem(NAME) ?? "";

/** The dialog in which a key is entered and forgotten. */
export function startKey() {
  const dialog = the("key-dialog");
  the("open-key").addEventListener("click", () => {
    settle("key");
    dialog.showModal();
  });
  dialog.addEventListener("close", () => {
    const value = the("key").value.trim();
    the("key").value = "";
    if (dialog.returnValue === "save" && value) sessionStorage.setItem(NAME, value);
    if (dialog.returnValue === "forget") sessionStorage.removeItem(NAME);
    if (["save", "forget"].includes(dialog.returnValue)) tell("key");
    dialog.returnValue = "";
  });
}
