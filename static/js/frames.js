// Frames as they come from the server: each is decoded, and the newest is drawn with the screen's next refresh.

export class Frames {
  #draw;
  #came = 0; // the newest that came
  #decoded = 0; // the newest that was decoded
  #waiting = null;
  #exact = true; // whether that is no preview

  /** `draw(bitmap, exact)` shows a frame; a preview is not exact. */
  constructor(draw) {
    this.#draw = draw;
  }

  async show(seq, image, exact) {
    this.#came = seq;
    const bitmap = await createImageBitmap(image);
    if (seq < this.#decoded) return bitmap.close();
    this.#decoded = seq;
    if (this.#waiting) this.#waiting.close();
    else requestAnimationFrame(() => this.#refresh());
    this.#waiting = bitmap;
    this.#exact = exact;
  }

  /** Nothing that came so far is to be shown any more. */
  drop() {
    this.#decoded = this.#came + 1;
    this.#waiting?.close();
    this.#waiting = null;
  }

  #refresh() {
    if (!this.#waiting) return;
    this.#draw(this.#waiting, this.#exact);
    this.#waiting.close();
    this.#waiting = null;
  }
}
