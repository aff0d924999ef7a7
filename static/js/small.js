// How small pictures are made: the server's own rule, to the pixel, so that a mask of that size fits.

export const LIVE_SIDE = 1024; // longer side of what is shown, in pixels

export const SHORTEST = 32; // pixels that a shorter side stays at

/** As Python rounds: halves to the even number. */
function rounded(value) {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 ? up - 1 : up;
}

/** The size of a picture, `{ width, height }`, when its longer side is to be at most `longer` pixels. */
export function small({ width, height }, longer) {
  const most = Math.max(width, height);
  if (most <= longer) return { width, height };
  const scale = Math.max(longer / most, Math.min(1, SHORTEST / Math.min(width, height)));
  return { width: rounded(width * scale), height: rounded(height * scale) };
}

/** The same, as large as it may be with so many pixels. */
export function largest(size, pixels) {
  const area = ({ width, height }) => width * height;
  let longer = Math.floor(Math.max(size.width, size.height) * Math.min(1, Math.sqrt(pixels / area(size))));
  while (area(small(size, longer)) > pixels && longer > SHORTEST) longer--;
  return small(size, longer);
}
