// The plane of both objectives (the paper's first figure): the curve that was measured along an axis, networks trained
// for one mixture each as crosses, and a dot where the slider stands.

const WIDTH = 280;
const HEIGHT = 150;
const MARGIN = 12;
const BELOW = 18; // for the words

const element = (name, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** What both directions mean, and from what to what they go. */
function words(axis, bounds) {
  const [[left, right], [bottom, top]] = bounds.map((ends) => ends.map((value) => value.toPrecision(2)));
  const line = (x, y, anchor, text) => element("text", { x, y, "text-anchor": anchor }, text);
  return [
    line(MARGIN / 2, HEIGHT + BELOW - 6, "start", left),
    line(WIDTH / 2, HEIGHT + BELOW - 6, "middle", `objective of ${axis.ends[0]}`),
    line(WIDTH - MARGIN / 2, HEIGHT + BELOW - 6, "end", right),
    line(2 * MARGIN, MARGIN + 2, "start", `${top}, objective of ${axis.ends[1]}`),
    line(MARGIN, HEIGHT - MARGIN, "start", bottom),
  ];
}

/** Between two measured points, as a share; what lies outside is at the nearest end. */
function between(curve, alpha) {
  const after = curve.findIndex(([at]) => at >= alpha);
  if (after <= 0) return curve.at(after).slice(1);
  const [before, next] = [curve[after - 1], curve[after]];
  const share = (alpha - before[0]) / (next[0] - before[0]);
  return [1, 2].map((i) => before[i] + share * (next[i] - before[i]));
}

/** The drawing of an axis, folded away, with `move(alpha)`; nothing where nothing was measured. */
export function curve(axis) {
  if (!axis.curve.length) return null;
  const points = [...axis.curve.map((point) => point.slice(1)), ...axis.fixed];
  const bounds = [0, 1].map((i) => points.map((point) => point[i])).map((all) => [Math.min(...all), Math.max(...all)]);
  const place = (point) => {
    const [x, y] = point.map((value, i) => (value - bounds[i][0]) / (bounds[i][1] - bounds[i][0] || 1));
    return [MARGIN + x * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - y * (HEIGHT - 2 * MARGIN)];
  };
  const [low, high] = axis.ends;
  const dot = element("circle", { r: 6 });
  const drawing = element(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT + BELOW}`,
      role: "img",
      "aria-label": `Both objectives along ${axis.title}: distance from ${low} across, from ${high} upwards`,
    },
    element("path", { class: "plane", d: `M${MARGIN / 2} ${MARGIN / 2}V${HEIGHT - MARGIN / 2}H${WIDTH - MARGIN / 2}` }),
    element("polyline", { points: axis.curve.map((point) => place(point.slice(1)).join()).join(" ") }),
    ...axis.fixed.map((point) => {
      const [x, y] = place(point);
      return element("path", { class: "fixed", d: `M${x - 4} ${y - 4}l8 8m0-8-8 8` });
    }),
    dot,
    ...words(axis, bounds),
  );
  const details = document.createElement("details");
  details.className = "curve";
  details.append(
    Object.assign(document.createElement("summary"), { textContent: "Objectives" }),
    drawing,
    Object.assign(document.createElement("p"), {
      textContent:
        `Further right is less ${low}, higher up is less ${high}.` +
        (axis.fixed.length ? " Crosses are networks trained for a single mixture." : ""),
    }),
  );
  const move = (alpha) => {
    const [x, y] = place(between(axis.curve, alpha));
    dot.setAttribute("cx", x);
    dot.setAttribute("cy", y);
  };
  return { details, move };
}
