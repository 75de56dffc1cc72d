// Loads the page's modules. Where one of them does not arrive, for the network changed or the service restarts, the page
// is loaded again: nothing is open yet that could be lost.

const PAUSE_MILLISECONDS = 1000;

import("./main.js").catch((error) => {
  console.warn(error.message);
  if (error instanceof TypeError) setTimeout(() => location.reload(), PAUSE_MILLISECONDS);
});
