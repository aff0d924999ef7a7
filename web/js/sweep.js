// An animation and a contact sheet of pictures, as the server makes them.

import { file } from "./engine.js";

const ONE_WAY = 2000; // ms
const SHAPE = 1.5; // about how wide a contact sheet is for its height
const QUALITY = 0.9;

/** Chunks of a WebP file: `{ name, bytes }`, those of a picture alone. */
function* chunks(buffer) {
  const view = new DataView(buffer);
  for (let at = 12; at < buffer.byteLength; ) {
    const name = String.fromCharCode(...new Uint8Array(buffer, at, 4));
    const size = view.getUint32(at + 4, true);
    if (["ALPH", "VP8 ", "VP8L"].includes(name)) yield chunk(name, [new Uint8Array(buffer, at + 8, size)]);
    at += 8 + size + (size % 2);
  }
}

function chunk(name, parts) {
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const head = new Uint8Array(8);
  head.set([...name].map((letter) => letter.charCodeAt(0)));
  new DataView(head.buffer).setUint32(4, size, true);
  return new Uint8Array([...head, ...parts.flatMap((part) => [...part]), ...(size % 2 ? [0] : [])]);
}

/** Numbers, little-endian, of some bytes each. */
function numbers(...pairs) {
  return new Uint8Array(pairs.flatMap(([value, bytes]) => Array.from({ length: bytes }, (_, i) => (value >> (8 * i)) & 255)));
}

/** There and back, without end: an animated WebP file (RFC 9649). */
export async function animation(pictures) {
  const files = await Promise.all(pictures.map(async (picture) => (await file(picture, "image/webp", QUALITY)).arrayBuffer()));
  const stills = files.map((buffer) => [...chunks(buffer)]);
  const [{ width, height }] = pictures;
  const duration = Math.round(ONE_WAY / (pictures.length - 1));
  const frame = (still) =>
    chunk("ANMF", [numbers([0, 3], [0, 3], [width - 1, 3], [height - 1, 3], [duration, 3], [2, 1]), ...still]);
  const canvas = chunk("VP8X", [numbers([2, 1], [0, 3], [width - 1, 3], [height - 1, 3])]);
  const all = [...stills, ...stills.slice(1, -1).reverse()].map(frame);
  const form = new TextEncoder().encode("WEBP");
  return new Blob([chunk("RIFF", [form, canvas, chunk("ANIM", [numbers([0xffffffff, 4], [0, 2])]), ...all])], { type: "image/webp" });
}

/** All beside each other, with what stands under each. */
export async function sheet(pictures, labels) {
  const [{ width, height }] = pictures;
  const columns = Math.min(pictures.length, Math.max(1, Math.round(Math.sqrt((pictures.length * SHAPE * height) / width))));
  const rows = Math.ceil(pictures.length / columns);
  const letter = Math.min(36, Math.max(12, Math.floor(width / 16)));
  const [across, down] = [width + letter, height + 2 * letter];
  const context = new OffscreenCanvas(columns * across + letter, rows * down + letter).getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  Object.assign(context, { fillStyle: "#000", font: `${letter}px sans-serif`, textAlign: "center", textBaseline: "middle" });
  pictures.forEach((picture, i) => {
    const [left, top] = [letter + (i % columns) * across, letter + Math.floor(i / columns) * down];
    context.putImageData(picture, left, top);
    context.fillText(labels[i], left + width / 2, top + height + letter);
  });
  return context.canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
}
