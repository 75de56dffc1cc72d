// A completion: a job that is queued, polled and fetched. Where nobody works on jobs, one request that is waited for.

import { ApiError, ask, pause } from "./api.js";

const QUEUED_WAIT_SECONDS = 2; // a long poll ends when the job does: while it waits its turn, its place is asked for
const RUNNING_WAIT_SECONDS = 20;

/**
 * Sends the form's fields and returns {blobs, seed, faceCount}. `output` names the answer for whoever repeats the call.
 * `progress` hears {state, position}; the state "direct" is a completion without a job. Ending `signal` cancels the job.
 */
export async function complete({ fields, plural, output }, signal, progress) {
  const headers = plural ? { Accept: "application/json" } : {};
  const job = await submitted(fields, headers, signal);
  if (job === null) {
    progress({ state: "direct" });
    return ask({ method: "POST", path: "inpaint", headers, fields, signal, read: reader(plural), output });
  }
  try {
    await ended(job, signal, progress);
    const call = { method: "GET", path: `jobs/${job.id}/result`, headers, signal, read: reader(plural), output };
    return await patiently(call, progress);
  } catch (error) {
    if (error.name === "AbortError") ask({ method: "DELETE", path: `jobs/${job.id}` }).catch(() => {});
    throw error;
  }
}

/** The new job; null where the service has nobody who works on jobs, or the key has no scope for them. */
async function submitted(fields, headers, signal) {
  if (!(await worksOnJobs(signal))) return null;
  // Sent again after a lost connection, it is the same job.
  const own = { ...headers, "Idempotency-Key": randomId() };
  try {
    const form = [...fields, ["delete_on_fetch", "true"]];
    return await ask({ method: "POST", path: "jobs", headers: own, fields: form, signal });
  } catch (error) {
    if (error.problem?.code === "scope_missing" || error.problem?.code === "jobs_unavailable") return null;
    throw error;
  }
}

async function worksOnJobs(signal) {
  const ready = await ask({ method: "GET", path: "readyz", signal });
  return ready.jobs === "ready";
}

/** Returns when the job has succeeded; raises the problem that it ended with. */
async function ended(job, signal, progress) {
  let now = job;
  while (now.state === "queued" || now.state === "running") {
    progress({ state: now.state, position: now.queue_position });
    const seconds = now.state === "queued" ? QUEUED_WAIT_SECONDS : RUNNING_WAIT_SECONDS;
    now = await patiently({ method: "GET", path: `jobs/${job.id}?wait=${seconds}`, signal }, progress);
  }
  if (now.state === "succeeded") return;
  throw new ApiError(now.problem ?? { code: `job_${now.state}`, title: now.state, errors: [] });
}

/** Asks again for a job that is accepted, as often as the service says when to. */
async function patiently(call, progress) {
  for (;;) {
    try {
      return await ask(call);
    } catch (error) {
      if (!error.retryAfterSeconds) throw error;
      progress({ state: "refused", detail: error.message });
      await pause(error.retryAfterSeconds, call.signal);
    }
  }
}

/** What reads {blobs, seed, faceCount} from an answer: one picture, or JSON with several. */
const reader = (plural) => (plural ? readSamples : readPicture);

async function readPicture(response) {
  const [faceCount, seed] = ["x-faces", "x-seed"].map((name) => Number(response.headers.get(name)));
  return { blobs: [await response.blob()], seed, faceCount };
}

async function readSamples(response) {
  const body = await response.json();
  const blobs = body.images.map(({ media_type: type, data }) => new Blob([bytesOf(data)], { type }));
  return { blobs, seed: body.seed, faceCount: body.faces.length };
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** 128 random bits; crypto.randomUUID is missing where the page came over plain http from another machine. */
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
