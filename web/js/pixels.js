// Pictures as numbers: what the server does to a photograph before and after a model, to the level.

import { SHORTEST, small } from "./small.js";

const LOBES = 3;
const LANCZOS = { reach: LOBES, weight: lanczos };
const TENT = { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) }; // bilinear

/** A photograph, on white, as ImageData, its longer side at most so many pixels; and how large it is. */
export async function read(blob, longest = Infinity) {
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error("This browser cannot read the picture. Use another format, such as PNG or JPEG.");
  });
  const { width, height } = bitmap;
  if (Math.min(width, height) < SHORTEST) {
    throw new Error(`The picture is ${width}×${height}; both sides must be at least ${SHORTEST}.`);
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const full = { width, height };
  return { picture: shrunk(context.getImageData(0, 0, width, height), small(full, Number(longest))), full };
}

/** How far the result is to be seen at each place of a picture, from 0 to 1: where another one is white; by the size worked at. */
export async function seen(blob, small, picture) {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = scaled(scaled(context.getImageData(0, 0, width, height), small, TENT), picture, TENT);
  return Float32Array.from({ length: picture.width * picture.height }, (_, i) => data[4 * i] / 255);
}

/** A picture as the server makes it smaller; itself at its own size. */
export const shrunk = (picture, size) => scaled(picture, size, LANCZOS);

/** A picture of another size, first across and then down. */
function scaled(picture, { width, height }, filter) {
  if (picture.width === width && picture.height === height) return picture;
  const across = lines(picture.data, picture.width, width, filter, picture.height, 4, 4 * picture.width, 4 * width);
  const data = lines(across, picture.height, height, filter, width, 4 * width, 4, 4);
  return new ImageData(data, width, height);
}

/** Lines of a picture, each of `from` pixels, with `to` pixels: `step` from pixel to pixel, `given` and `put` from line to line. */
function lines(data, from, to, filter, count, step, given, put) {
  const made = new Uint8ClampedArray(4 * to * count);
  const scale = from / to;
  const wide = Math.max(1, scale);
  const reach = filter.reach * wide;
  for (let pixel = 0; pixel < to; pixel++) {
    const centre = (pixel + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const length = Math.min(from, Math.floor(centre + reach + 0.5)) - first;
    const weights = Array.from({ length }, (_, i) => filter.weight((first + i + 0.5 - centre) / wide));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    for (let line = 0; line < count; line++) {
      for (let channel = 0; channel < 4; channel++) {
        let value = 0;
        for (let i = 0; i < length; i++) value += weights[i] * data[line * given + (first + i) * step + channel];
        made[line * put + pixel * step + channel] = value / sum; // an array of levels rounds, and stays within them
      }
    }
  }
  return made;
}

function lanczos(x) {
  if (x === 0) return 1;
  if (Math.abs(x) >= LOBES) return 0;
  const angle = Math.PI * x;
  return (LOBES * Math.sin(angle) * Math.sin(angle / LOBES)) / (angle * angle);
}

/** A picture as a model takes it: red, green and blue, one after the other, from 0 to 1. */
export function flat({ data, width, height }) {
  const made = new Float32Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) made[channel * width * height + i] = data[4 * i + channel] / 255;
  }
  return made;
}

/** The other way round; the photograph shows as far as the result is not to be seen. */
export function level(numbers, { data: photo, width, height }, where) {
  const made = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const share = where ? where[i] : 1;
    for (let channel = 0; channel < 3; channel++) {
      const value = 255 * numbers[channel * width * height + i];
      made.data[4 * i + channel] = share * value + (1 - share) * photo[4 * i + channel];
    }
    made.data[4 * i + 3] = 255;
  }
  return made;
}
