// Completing: sends the form, tells how far it is, shows what comes back. A wish that comes meanwhile follows at once.

import { copy } from "./calls.js";
import { curlOf } from "./curl.js";
import { the } from "./dom.js";
import { formFields } from "./form.js";
import { complete } from "./jobs.js";
import { key } from "./key.js";
import { announce, complain, complainOf, settle } from "./messages.js";
import { isPlural } from "./models.js";
import { derivedName } from "./picture.js";
import { showResult } from "./result.js";
import { on, state, tell } from "./state.js";
import { text } from "./texts.js";

let running = null; // AbortController
let focused = false; // whether the focus was on the button, which cannot keep it meanwhile
let again = false; // landmarks were moved while a completion was under way

export function startCompletion() {
  the("complete").addEventListener("click", completeNow);
  the("cancel").addEventListener("click", () => stop());
  the("copy-curl").addEventListener("click", copyCurl);
  on("picture", () => stop());
  on("wanted", () => {
    settle("faces");
    if (!state.mask.marked) complain("faces", text("faces.nothingMasked"));
    else if (!state.model.guidance.includes("landmarks")) complain("faces", text("faces.notTaken", state.model));
    else if (running) again = true;
    else completeNow();
  });
  on("picture busy models", enable);
}

async function completeNow() {
  if (running || !state.picture) return;
  settle();
  const controller = new AbortController();
  running = controller;
  again = false;
  busy(true);
  try {
    const { model } = state;
    const answer = await complete({ fields: await formFields(), plural: isPlural(), output: outputName() }, controller.signal, showProgress);
    if (controller.signal.aborted) return;
    await showResult(answer, model);
    announce(text("job.done"));
  } catch (error) {
    complainOf(error);
  } finally {
    if (running === controller) {
      running = null;
      busy(false);
      if (again) completeNow();
    }
  }
}

/** Cancels what is under way. */
function stop() {
  if (!running) return;
  running.abort();
  running = null;
  again = false;
  busy(false);
  announce(text("job.canceled"));
}

function busy(value) {
  state.busy = value;
  if (value) focused = document.activeElement === the("complete");
  const back = focused && !value && [document.body, the("complete"), the("cancel")].includes(document.activeElement);
  the("progress").hidden = !value;
  if (value) showProgress({ state: "sending" });
  tell("busy");
  if (back) the("complete").focus({ preventScroll: true });
}

function showProgress(progress) {
  const said = text(`job.${progress.state}`, progress);
  if (the("progress-text").textContent === said) return;
  the("progress-text").textContent = said;
  announce(said);
}

function enable() {
  the("complete").disabled = !state.picture || state.busy;
  the("copy-curl").disabled = !state.picture;
}

/** The file that curl writes: JSON where there are several pictures. */
const outputName = () => (isPlural() ? "samples.json" : derivedName(state.picture.name, "_completed", "image/png"));

/** The same completion as one call that is waited for. */
async function copyCurl() {
  try {
    const headers = isPlural() ? { Accept: "application/json" } : {};
    const call = { method: "POST", path: "inpaint", headers, fields: await formFields(), output: outputName() };
    await copy(curlOf(call, Boolean(key())), the("copy-curl"));
  } catch (error) {
    complainOf(error);
  }
}
