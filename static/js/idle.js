// Small pictures of where a person may go next. Each is made by the server, one at a time, only while nothing else is
// being rendered, and given up at once when something is.

import { request } from "./http.js";
import { small } from "./small.js";

const LONGER = 192; // longer side that is rendered, in pixels
const WAIT = 300; // ms without anything asked for

/** A canvas drawn small, as a file that keeps transparency; no more is needed, and the whole would be sent for each picture. */
function shrunk(canvas) {
  const { width, height } = small(canvas, LONGER);
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, width, height);
  return context.canvas.convertToBlob({ type: "image/webp", quality: 0.9 }); // or PNG, where a browser writes no WebP
}

function draw(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
}

export class Idle {
  #original;
  #sources;
  #image = null;
  #timer;
  #work = new AbortController();

  /**
   * `original` is the canvas with the photograph. A source is `function*(subject)`; it yields what it still lacks, as
   * `{ model, alpha, seed, canvas, drawn }`, without a model for the photograph itself; `drawn()`, if given, is called when
   * it is on the canvas.
   */
  constructor(original, ...sources) {
    this.#original = original;
    this.#sources = sources;
  }

  /** Another photograph is on the canvas, or will be. */
  clear() {
    this.pause();
    this.#image = null;
  }

  /** Something else is being rendered. */
  pause() {
    clearTimeout(this.#timer);
    this.#work.abort();
  }

  /** Nothing is being rendered: go on with what `subject` lacks. */
  resume(subject) {
    this.pause();
    this.#work = new AbortController();
    this.#timer = setTimeout(() => this.#fill(subject, this.#work.signal), WAIT);
  }

  async #fill(subject, signal) {
    for (const source of this.#sources) {
      for (const one of source(subject)) {
        const picture = await this.#made(one, signal).catch(() => null); // the picture itself says what is wrong
        if (signal.aborted) return;
        if (!picture) continue;
        draw(one.canvas, picture);
        one.drawn?.();
      }
    }
  }

  async #made({ model, alpha, seed }, signal) {
    if (!model) return createImageBitmap(await (this.#image ??= shrunk(this.#original)));
    const form = new FormData();
    if (model.takes.includes("image")) form.set("image", await (this.#image ??= shrunk(this.#original)));
    else form.set("seed", seed);
    form.set("model", model.id);
    form.set("alpha", JSON.stringify(alpha));
    form.set("format", "jpeg");
    const response = await request("infer", { method: "POST", body: form, signal });
    return createImageBitmap(await response.blob());
  }
}
