// What is drawn: the newest frame, and the original it is made from.

const LIVE_SIDE = 1024;

/** Draw a bitmap to fill a canvas of a size, and let the bitmap go. */
function paint(canvas, bitmap, width = bitmap.width, height = bitmap.height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
}

export class Stage {
  #picture;
  #rendered;
  #original;
  #newest = 0;
  #waiting = null;

  constructor(picture) {
    this.#picture = picture;
    [this.#rendered, this.#original] = picture.querySelectorAll("canvas");
  }

  /** Show a photograph until its first frame comes. Returns its size, or null where the browser cannot read it. */
  async original(photo) {
    const bitmap = await createImageBitmap(photo.blob).catch(() => null);
    this.#picture.classList.toggle("unrendered", bitmap !== null);
    if (!bitmap) return null;
    const size = { width: bitmap.width, height: bitmap.height };
    const scale = Math.min(1, LIVE_SIDE / Math.max(size.width, size.height));
    this.#shape(size);
    paint(this.#original, bitmap, Math.round(size.width * scale), Math.round(size.height * scale));
    return size;
  }

  /** Draw a frame with the screen's next refresh, unless a newer one came first. */
  async frame(seq, image) {
    const bitmap = await createImageBitmap(image);
    if (seq < this.#newest) return bitmap.close();
    this.#newest = seq;
    if (this.#waiting) this.#waiting.close();
    else requestAnimationFrame(() => this.#draw());
    this.#waiting = bitmap;
  }

  #draw() {
    this.#shape(this.#waiting);
    paint(this.#rendered, this.#waiting);
    this.#waiting = null;
    this.#picture.classList.remove("unrendered");
  }

  #shape({ width, height }) {
    this.#picture.parentElement.style.setProperty("--ratio", width / height);
    this.#picture.hidden = false;
  }
}
