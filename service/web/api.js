// Calls of the service. A refusal is thrown as an ApiError with its problem; a service that is away is waited for.

import { key } from "./key.js";
import { refusal } from "./messages.js";
import { tell } from "./state.js";

const LOOK_SECONDS = 1; // between two looks at a service that is away
const MOST_BROKEN = 3; // calls in a row that broke although the service is there
const NOT_YET = [502, 503, 504]; // what a proxy says while the service restarts

/** A refusal in the API's own words: `problem` is RFC 9457's object. */
export class ApiError extends Error {
  constructor(problem, retryAfterSeconds) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/**
 * Makes a call and returns what `read` makes of its Response: by default the object that its JSON holds. `call` is
 * {method, path, headers, fields, signal, read, output}. While the service cannot be reached, the page says so and tries again,
 * until it answers or `signal` ends it: only what may be repeated goes here, which is everything but a POST /jobs
 * without an Idempotency-Key.
 */
export async function ask(call) {
  for (let broken = 0; ; ) {
    try {
      const response = await once(call);
      return await (call.read ?? asJson)(response);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's word for: no connection, or it broke
      broken = (await untilBack(call.signal)) ? 0 : broken + 1;
      if (broken === MOST_BROKEN) throw refusal("complete", "broken");
    }
  }
}

const asJson = (response) => response.json();

async function once(call) {
  const begin = performance.now();
  const log = (status) => tell("call", { call, status, seconds: (performance.now() - begin) / 1000 });
  const secret = key();
  const headers = { ...call.headers, ...(secret && { Authorization: `Bearer ${secret}` }) };
  let response;
  try {
    response = await fetch(call.path, { method: call.method, headers, body: bodyOf(call.fields), signal: call.signal });
  } catch (error) {
    if (error.name !== "AbortError") log(0);
    throw error;
  }
  log(response.status);
  if (!response.ok) throw await refused(response);
  return response;
}

function bodyOf(fields) {
  if (!fields) return undefined;
  const form = new FormData();
  for (const [name, value] of fields) {
    if (typeof value === "object") form.append(name, value.blob, value.name);
    else form.append(name, value);
  }
  return form;
}

async function refused(response) {
  const type = response.headers.get("content-type") ?? "";
  if (!type.startsWith("application/problem+json")) {
    if (NOT_YET.includes(response.status)) return new TypeError("a proxy has nobody behind it");
    return new ApiError({ code: `http_${response.status}`, title: response.statusText, status: response.status });
  }
  const problem = await response.json();
  if (problem.code === "draining") return new TypeError(problem.detail);
  return new ApiError(problem, Number(response.headers.get("retry-after")) || null);
}

/** Returns when the service answers again; tells whether it was away at all. */
async function untilBack(signal) {
  let wasAway = false;
  try {
    while (!(await answers(signal))) {
      if (!wasAway) tell("away", true);
      wasAway = true;
      await pause(LOOK_SECONDS, signal);
    }
  } finally {
    if (wasAway) tell("away", false);
  }
  return wasAway;
}

async function answers(signal) {
  try {
    return (await fetch("livez", { signal })).ok;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return false;
  }
}

/** Waits; raises AbortError when `signal` ends it. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stopped = () => reject(new DOMException("stopped", "AbortError"));
    if (signal?.aborted) stopped();
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      stopped();
    });
  });
}
