// α as the page holds it: for every axis a number, or a list with one number per insertion point.

export function clamp(axis, value) {
  const [low, high] = axis.range;
  return Math.min(high, Math.max(low, value));
}

/** α as people read it. */
export const written = (alpha) => (Math.round(alpha * 100) / 100 + 0).toFixed(2); // + 0 makes 0 of −0

/** Knots of a slider that feels even: α at equally spaced positions. */
const knots = (axis) => (axis.even.length ? axis.even : axis.range);

/** α at a position of the slider, from 0 to 1. */
export function alphaAt(axis, position) {
  const all = knots(axis);
  const index = Math.min(Math.floor(position * (all.length - 1)), all.length - 2);
  const share = position * (all.length - 1) - index;
  return all[index] + share * (all[index + 1] - all[index]);
}

/** The position, from 0 to 1, at which the slider stands for α. */
export function positionOf(axis, alpha) {
  const all = knots(axis);
  const index = Math.max(0, all.findLastIndex((knot, i) => knot <= alpha && i < all.length - 1));
  return (index + (alpha - all[index]) / (all[index + 1] - all[index])) / (all.length - 1);
}

/** What was wanted, brought to what these axes take; anything that makes no sense becomes the default. */
export function fit(axes, wanted) {
  return Object.fromEntries(
    axes.map((axis) => {
      const value = wanted[axis.id];
      if (Array.isArray(value) && value.length === axis.blocks.length && value.every(Number.isFinite)) {
        return [axis.id, value.map((each) => clamp(axis, each))];
      }
      return [axis.id, Number.isFinite(value) ? clamp(axis, value) : axis.default];
    }),
  );
}

/** One number per insertion point. */
export const spread = (axis, value) => (Array.isArray(value) ? value : axis.blocks.map(() => value));

/** One number for the whole axis. */
export function gather(value) {
  if (!Array.isArray(value)) return value;
  return Number((value.reduce((sum, each) => sum + each, 0) / value.length).toFixed(3));
}

/** The same of every axis. */
export const whole = (alpha) => Object.fromEntries(Object.entries(alpha).map(([id, value]) => [id, gather(value)]));

/** What of α means the same on the axes of another model: what stands on an axis of the same id, ends and range. */
export function carry(from, alpha, to) {
  const like = (axis) => from.find(({ id, ends, range }) => `${[id, ends, range]}` === `${[axis.id, axis.ends, axis.range]}`);
  const value = ({ id, blocks }) => (alpha[id].length === blocks.length ? alpha[id] : gather(alpha[id]));
  return Object.fromEntries(to.filter(like).map((axis) => [axis.id, value(axis)]));
}
