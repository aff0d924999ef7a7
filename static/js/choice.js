// What a person chose: a model, a photograph and α; and what of it the model takes.

import { Hole } from "./hole.js";

const SOFT = 64; // shorter side of what says where the result is seen, in pixels
const EVERYWHERE = await new Hole().file({ width: SOFT, height: SOFT }, "#fff");

/** Where the result is seen, small: scaled up to the picture, its edges become soft. Everywhere, while nothing is painted. */
async function where(photo) {
  const { size, area } = photo;
  if (area.isEmpty) return EVERYWHERE;
  const scale = SOFT / Math.min(size.width, size.height);
  photo.where ??= area.file({ width: Math.round(size.width * scale), height: Math.round(size.height * scale) });
  return photo.where;
}

export class Choice {
  model = null;
  photo = null; // see photos.js; `hole` and `area` are painted on it, once the server has read it
  alpha = {};
  detail = null; // pixels that a style works at; null leaves it to the server

  takes(field) {
    return this.model.takes.includes(field);
  }

  /** Whether it can be live: a hole is painted on a picture that stays. */
  get canMove() {
    return this.takes("image") && !this.takes("mask");
  }

  /** Why there is nothing to open yet, if so. */
  get lack() {
    const lacks = this.takes("mask") && this.photo.hole.isEmpty;
    return lacks ? "There is no hole yet. Paint one, or start with one in the centre." : null;
  }

  /**
   * What the model takes; `seeds` is a list of them, and the mask is made for a picture of a size. It is of now, whatever
   * is chosen while files are made.
   */
  async fields(seeds, size) {
    const all = {
      ...(this.takes("image") && { image: this.photo.blob }),
      ...(this.takes("where") && { where: where(this.photo) }),
      ...(this.takes("mask") && { mask: this.photo.hole.file(size) }),
      ...(this.takes("seed") && { seed: seeds.join() }),
      ...(this.takes("detail") && this.detail && { detail: this.detail }),
    };
    const values = await Promise.all(Object.values(all));
    return Object.fromEntries(Object.keys(all).map((name, index) => [name, values[index]]));
  }
}
