// A photograph and what is made of it: the newest frame, and the original.

const LIVE_SIDE = 1024;

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

  /** Show a photograph until its first frame comes. Returns its size, or null where the browser cannot read it. */
  async original(photo) {
    const bitmap = await createImageBitmap(photo.blob).catch(() => null);
    this.blank(bitmap !== null);
    if (!bitmap) {
      this.#original.width = this.#original.height = 1; // the last one's would be taken for it
      return null;
    }
    const size = { width: bitmap.width, height: bitmap.height };
    const scale = Math.min(1, LIVE_SIDE / Math.max(size.width, size.height));
    this.#shape(size);
    paint(this.#original, bitmap, Math.round(size.width * scale), Math.round(size.height * scale));
    bitmap.close();
    return size;
  }

  /** Have a canvas be the original, under what is shown. */
  under(canvas) {
    this.#shape(canvas);
    paint(this.#original, canvas);
  }

  /** Show the original, as nothing has been made of it yet. */
  blank(on = true) {
    this.#picture.classList.toggle("unrendered", on);
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
