// Shapes as rows of pixels: each calls fill(y, first, last) for pixel centres inside it, the last one included.

/** A line from (x0, y0) to (x1, y1) with round ends of this radius: what a brush covers between two events. */
export function capsule(x0, y0, x1, y1, radius, height, fill) {
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - radius - 0.5));
  const bottom = Math.min(height - 1, Math.floor(Math.max(y0, y1) + radius - 0.5));
  for (let y = top; y <= bottom; y += 1) {
    const span = capsuleRow(x0, y0, x1, y1, radius, y + 0.5);
    if (span) fill(y, Math.ceil(span[0] - 0.5), Math.floor(span[1] - 0.5));
  }
}

/** Where the horizontal line at `y` cuts the capsule: the two discs, and the slab between them. */
function capsuleRow(x0, y0, x1, y1, radius, y) {
  let low = Infinity;
  let high = -Infinity;
  const add = (x) => {
    low = Math.min(low, x);
    high = Math.max(high, x);
  };
  for (const [x, centre] of [[x0, y0], [x1, y1]]) {
    const half = radius * radius - (y - centre) ** 2;
    if (half >= 0) [x - Math.sqrt(half), x + Math.sqrt(half)].forEach(add);
  }
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = Math.hypot(dx, dy);
  if (length > 0) {
    const [nx, ny] = [(-dy / length) * radius, (dx / length) * radius];
    cut(x0 + nx, y0 + ny, x1 + nx, y1 + ny, y, add);
    cut(x0 - nx, y0 - ny, x1 - nx, y1 - ny, y, add);
  }
  return low <= high ? [low, high] : null;
}

function cut(x0, y0, x1, y1, y, add) {
  if (y0 === y1 || y < Math.min(y0, y1) || y > Math.max(y0, y1)) return;
  add(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
}

/** A rectangle between two corners. */
export function rectangle(x0, y0, x1, y1, height, fill) {
  const [left, right] = [Math.round(Math.min(x0, x1)), Math.round(Math.max(x0, x1)) - 1];
  const top = Math.max(0, Math.round(Math.min(y0, y1)));
  const bottom = Math.min(height, Math.round(Math.max(y0, y1)));
  for (let y = top; y < bottom; y += 1) fill(y, left, right);
}

/** A closed polygon of [x, y] points; what it covers an odd number of times is inside. */
export function polygon(points, height, fill) {
  const ys = points.map((point) => point[1]);
  const top = Math.max(0, Math.floor(Math.min(...ys)));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(...ys)));
  for (let y = top; y <= bottom; y += 1) {
    const crossings = crossingsAt(points, y + 0.5);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      fill(y, Math.ceil(crossings[i] - 0.5), Math.floor(crossings[i + 1] - 0.5));
    }
  }
}

function crossingsAt(points, y) {
  const found = [];
  for (let i = 0, before = points.length - 1; i < points.length; before = i, i += 1) {
    const [[x0, y0], [x1, y1]] = [points[before], points[i]];
    if (y0 <= y !== y1 <= y) found.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  }
  return found.sort((a, b) => a - b);
}
