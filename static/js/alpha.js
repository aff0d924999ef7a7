// α as the page holds it: for every axis a number, or a list with one number per insertion point.

export function clamp(axis, value) {
  const [low, high] = axis.range;
  return Math.min(high, Math.max(low, value));
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
  return Math.round((100 * value.reduce((sum, each) => sum + each, 0)) / value.length) / 100;
}
