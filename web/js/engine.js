// What runs models: a worker, asked and answered. Its answers are promises; what cannot be done is an Error whose message is
// a sentence to show.

const name = new URLSearchParams(location.search).get("engine") ?? ""; // ?engine=wasm, or =webgpu, also in software
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module", name });
const waiting = new Map();
let asked = 0;

worker.onmessage = ({ data: { id, answer, refused } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (refused === undefined) resolve(answer);
  else reject(new Error(refused));
};

worker.onerror = () => {
  for (const { reject } of waiting.values()) reject(new Error("This browser cannot run models. Try another one."));
  waiting.clear();
};

/** Have the worker do one of what it can: see worker.js. */
export function ask(what, given) {
  const id = ++asked;
  worker.postMessage({ id, what, given });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

/** A picture, as an image file. */
export function file(picture, type, quality) {
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.putImageData(picture, 0, 0);
  return context.canvas.convertToBlob({ type, quality });
}
