// Calls of the service. A refusal is thrown as an ApiError with its problem; a service that is away is waited for.

import { key } from "./key.js";
import { tell } from "./state.js";

const LOOK_SECONDS = 1; // between two looks at a service that is away
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
 * Makes a call and returns its Response. `call` is {method, path, headers, fields, signal}. While the service cannot be
 * reached, the page says so and tries again, until it answers or `signal` ends it: only what may be repeated goes here,
 * which is everything but a POST /jobs without an Idempotency-Key.
 */
export async function ask(call) {
  for (;;) {
    try {
      return await once(call);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch's word for: no connection
      await untilBack(call.signal);
    }
  }
}

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

/** Returns when the service answers again. */
async function untilBack(signal) {
  tell("away", true);
  for (;;) {
    await pause(LOOK_SECONDS, signal);
    try {
      const answer = await fetch("livez", { signal });
      if (answer.ok) break;
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
  }
  tell("away", false);
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
