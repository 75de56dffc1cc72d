// The models by their cards, and the guidance that the chosen one takes.

import { ask } from "./api.js";
import { make, the } from "./dom.js";
import { rendered } from "./markdown.js";
import { complainOf, settle } from "./messages.js";
import { openPicture } from "./picture.js";
import { state, tell } from "./state.js";
import { modelText, text } from "./texts.js";

const BLENDS = ["feather", "poisson", "none"];
const MOST_SAMPLES = 8;
const REFERENCE_PIXELS = 64; // longer side of the chosen picture in the panel

// What was chosen for each model by name, so that it is there again when one comes back to it.
const chosen = new Map();

/** Asks the service for its models and limits, and shows them: those that can be used first. */
export async function loadModels() {
  const [{ models }, limits] = await Promise.all(["models", "limits"].map((path) => ask({ method: "GET", path })));
  state.limits = limits;
  const found = models.filter((model) => model.route === "/inpaint").sort((one, other) => other.ready - one.ready);
  if (JSON.stringify(found) === JSON.stringify(state.models)) return;
  state.models = found;
  const before = state.model?.name ?? "lafin";
  choose(state.models.find((model) => model.name === before) ?? state.models[0]);
  the("model-cards").replaceChildren(...state.models.map(card));
  tell("models");
}

/** The fields of what was chosen for the present model. */
export function guidanceFields() {
  const { guidance, plural } = state.model;
  const now = settingsOf(state.model);
  const fields = [["blend", now.blend]];
  if (plural) fields.push(["samples", String(now.samples)]);
  if (plural && now.seed !== "") fields.push(["seed", now.seed]);
  if (guidance.includes("reference") && now.reference) {
    fields.push(["reference", { blob: now.reference.blob, name: now.reference.name }]);
  }
  if (guidance.includes("attributes") && Object.keys(now.attributes).length) {
    fields.push(["attributes", JSON.stringify(now.attributes)]);
  }
  return fields;
}

/** Whether the answer holds several pictures, which come as JSON. */
export const isPlural = () => state.model.plural && settingsOf(state.model).samples > 1;

function settingsOf(model) {
  if (!chosen.has(model.name)) {
    const samples = model.plural ? 4 : 1;
    chosen.set(model.name, { blend: "feather", samples, seed: "", reference: null, attributes: {} });
  }
  return chosen.get(model.name);
}

function choose(model) {
  state.model = model;
  the("guidance").replaceChildren(...controls(model));
  tell("model");
}

function card(model) {
  const input = make("input", { type: "radio", name: "model", value: model.name, onchange: () => choose(model) });
  input.checked = model === state.model;
  const body = make("div", { class: "card-text faint" });
  const details = make("details", {}, make("summary", { text: text("model.card"), "aria-label": text("model.cardOf", model) }), body);
  details.addEventListener("toggle", () => details.open && showCard(model.name, body), { once: true });
  const said = make("span", { class: "faint", text: modelText(model) });
  const state_ = model.ready ? [] : [make("span", { class: "warn", text: text("model.notReady") })];
  const label = make("label", {}, input, make("strong", { text: model.name }), said, ...state_);
  return make("div", { class: "card" }, label, details);
}

async function showCard(name, body) {
  try {
    const answer = await ask({ method: "GET", path: `models/${name}` });
    body.replaceChildren(...rendered(answer.card ?? text("model.noCard")));
  } catch (error) {
    complainOf(error, "model");
  }
}

/** Only what this model takes. */
function controls(model) {
  const now = settingsOf(model);
  const found = [];
  if (model.plural) found.push(number("samples", now, 1, MOST_SAMPLES), number("seed", now, 0, 2 ** 31 - 1));
  if (model.guidance.includes("reference")) found.push(...reference(now));
  if (model.guidance.includes("attributes") && model.attributes.length) found.push(...sliders(model.attributes, now));
  return [...found, blend(now)];
}

function field(label, ...inputs) {
  return make("label", { class: "field" }, make("span", { text: label }), ...inputs);
}

function number(name, now, min, max) {
  const input = make("input", { type: "number", min, max, value: now[name], placeholder: text(`model.${name}Empty`) });
  input.addEventListener("change", () => {
    const value = input.value === "" ? NaN : Math.round(Math.min(max, Math.max(min, Number(input.value))));
    now[name] = Number.isFinite(value) ? value : name === "seed" ? "" : min;
    input.value = now[name];
    if (name === "seed") now.seed = String(now.seed);
  });
  return field(text(`model.${name}`), input);
}

function blend(now) {
  const select = make("select", {}, ...BLENDS.map((name) => make("option", { value: name, text: text(`model.blend.${name}`) })));
  select.value = now.blend;
  select.addEventListener("change", () => (now.blend = select.value));
  return field(text("model.blendLabel"), select);
}

/** A slider for each attribute, and a button that takes all of them back. */
function sliders(names, now) {
  const all = names.map((name) => slider(name, now));
  const reset = () => {
    now.attributes = {};
    for (const { input, value } of all) [input.value, value.textContent] = [0, text("model.attributeUnset")];
  };
  return [...all.map((one) => one.field), make("button", { type: "button", text: text("model.attributesReset"), onclick: reset })];
}

/** A slider from -1 to 1; one that was never moved is not sent. */
function slider(name, now) {
  const value = make("output", { text: now.attributes[name] ?? text("model.attributeUnset") });
  const input = make("input", { type: "range", min: -1, max: 1, step: 0.05, value: now.attributes[name] ?? 0 });
  input.addEventListener("input", () => {
    now.attributes[name] = Number(input.value);
    value.textContent = input.value;
  });
  return { input, value, field: field(name.replaceAll(/[_-]/g, " "), input, value) };
}

/** Where the reference is chosen, and what was chosen: seen small, by its name, to be removed. */
function reference(now) {
  const input = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp" });
  const kept = make("div", { class: "row" });
  const take = (picture) => {
    now.reference = picture;
    input.value = ""; // the same file can be chosen again
    kept.replaceChildren(...(picture ? shown(picture, () => take(null)) : []));
  };
  input.addEventListener("change", async () => {
    settle("model");
    try {
      const [file] = input.files;
      if (file) take(await openPicture(file, file.name, "model"));
    } catch (error) {
      input.value = "";
      complainOf(error, "model");
    }
  });
  take(now.reference);
  return [field(text("model.reference"), input), kept];
}

function shown({ name, proxy }, remove) {
  const scale = REFERENCE_PIXELS / Math.max(proxy.width, proxy.height);
  const [width, height] = [proxy.width, proxy.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = make("canvas", { width, height, "aria-hidden": "true" });
  canvas.getContext("2d").drawImage(proxy, 0, 0, width, height);
  const button = make("button", { type: "button", text: text("model.referenceRemove"), onclick: remove });
  return [canvas, make("span", { class: "faint name", text: name }), button];
}
