// Loads the page's modules: first its words, which are then painted at once, then all the rest. Where a module does not
// arrive, for the network changed or the service restarts, the page is loaded again: nothing is open yet that could be lost.

const PAUSE_MILLISECONDS = 1000;

import("./dom.js").then(({ speak }) => speak(document), again);
import("./main.js").catch(again);

function again(error) {
  console.warn(error.message);
  if (error instanceof TypeError) setTimeout(() => location.reload(), PAUSE_MILLISECONDS);
}
