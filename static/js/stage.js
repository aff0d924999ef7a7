// A photograph and what is made of it: the newest frame, and the original.

import { LIVE_SIDE, small } from "./small.js";

/** Draw a bitmap to fill a canvas of a size. */
function paint(canvas, bitmap, width = bitmap.width, height = bitmap.height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height); // a picture may have transparent parts
  context.drawImage(bitmap, 0, 0, width, height);
}

export class Stage {
  #picture;
  #rendered;
  #original;

  constructor(picture) {
    this.#picture = picture;
    [this.#rendered, this.#original] = picture.querySelectorAll("canvas");
  }

  /** Show a photograph, a bitmap, until its first frame comes. */
  original(bitmap) {
    this.under(bitmap);
    this.blank();
  }

  /** Have a picture be the original, under what is shown. */
  under(picture) {
    const { width, height } = small(picture, LIVE_SIDE);
    this.#shape({ width, height });
    paint(this.#original, picture, width, height);
  }

  /** Show the original, as nothing has been made of it yet. */
  blank() {
    this.#picture.classList.add("unrendered");
  }

  /** Show a frame at the picture's size, which a preview is smaller than. */
  draw(bitmap, { width, height }) {
    this.#shape({ width, height });
    paint(this.#rendered, bitmap, width, height);
    this.#picture.classList.remove("unrendered", "unfilled");
  }

  #shape({ width, height }) {
    this.#picture.parentElement.style.setProperty("--ratio", width / height);
    this.#picture.hidden = false;
  }
}
