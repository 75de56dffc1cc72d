// The 68 landmarks of a face (iBUG order): their parts, and where they lie in a face that nobody has seen.

// Left and right as in the picture.
export const PARTS = {
  jaw: [0, 17],
  leftBrow: [17, 22],
  rightBrow: [22, 27],
  nose: [27, 36],
  leftEye: [36, 42],
  rightEye: [42, 48],
  mouth: [48, 68],
};
// Lines to draw: first point, end, whether it is closed.
export const LINES = [
  [0, 17, false],
  [17, 22, false],
  [22, 27, false],
  [27, 31, false],
  [31, 36, false],
  [36, 42, true],
  [42, 48, true],
  [48, 60, true],
  [60, 68, true],
];

/** The name of the part that a point belongs to. */
export const partOf = (index) => Object.keys(PARTS).find((name) => index >= PARTS[name][0] && index < PARTS[name][1]);

/** Indices of the points that move when this one is taken: itself, or its whole part. */
export function held(index, grip) {
  if (grip !== "part") return [index];
  const [first, end] = PARTS[partOf(index)];
  return Array.from({ length: end - first }, (_, i) => first + i);
}

// A face in a box around eyes, nose and mouth: x and y from the box's middle, in lengths of its side. As in
// drawings of the human face: eyes a fifth of the side apart from the middle, the mouth's corners below the pupils.
const EYES = [0.165, -0.12];

/** 68 points of an average face in `box` ([x0, y0, x1, y1]), turned clockwise by `rollDegrees`. */
export function averageFace(box, rollDegrees) {
  const side = (box[2] - box[0] + box[3] - box[1]) / 2;
  const [cx, cy] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const turn = (rollDegrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turn) * side, Math.sin(turn) * side];
  return upright().map(([x, y]) => [cx + cos * x - sin * y, cy + sin * x + cos * y]);
}

function upright() {
  const jaw = arc(17, 180, 0, 0, -0.13, 0.37, 0.55);
  const brow = (side) => row(5, side * EYES[0] - 0.1, side * EYES[0] + 0.1, [-0.21, -0.235, -0.24, -0.23, -0.205]);
  const bridge = [-0.12, -0.06, 0.0, 0.06].map((y) => [0, y]);
  const nostrils = row(5, -0.075, 0.075, [0.09, 0.105, 0.112, 0.105, 0.09]);
  const eye = (side) => [[-0.065, 0], [-0.024, -0.026], [0.024, -0.026], [0.065, 0], [0.024, 0.022], [-0.024, 0.022]]
    .map(([x, y]) => [side * EYES[0] + x, EYES[1] + y]);
  const lips = arc(12, 180, -150, 0, 0.24, 0.13, 0.06);
  const inner = arc(8, 180, -135, 0, 0.24, 0.09, 0.02);
  return [...jaw, ...brow(-1), ...brow(1), ...bridge, ...nostrils, ...eye(-1), ...eye(1), ...lips, ...inner];
}

function row(count, from, to, heights) {
  return Array.from({ length: count }, (_, i) => [from + ((to - from) * i) / (count - 1), heights[i]]);
}

/** Points on an ellipse. Degrees grow against the clock as one sees it: 180 is left; the jaw runs below, the lips above first. */
function arc(count, from, to, cx, cy, rx, ry) {
  return Array.from({ length: count }, (_, i) => {
    const degrees = from + ((to - from) * i) / (count - 1);
    const turn = (degrees * Math.PI) / 180;
    const down = from > 0 && to >= 0 ? 1 : -1; // the jaw hangs down, lips begin with the upper one
    return [cx + rx * Math.cos(turn), cy + down * ry * Math.sin(turn)];
  });
}
