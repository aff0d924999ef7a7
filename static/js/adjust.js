// The panel beside the picture: the sliders of the model in use, as a whole or one for each insertion point, and what
// brings them all back.

import { fit, whole } from "./alpha.js";
import { build } from "./axes.js";

export class Adjust {
  #sliders;
  #fine;
  #changed;
  #model;
  #alpha;
  #known = {}; // the last that were numbers, by axis
  #place;

  /** `changed(alpha)` is called when a person moves one, or asks for another kind of them. */
  constructor({ sliders, fine, reset }, changed) {
    [this.#sliders, this.#fine, this.#changed] = [sliders, fine, changed];
    fine.addEventListener("change", () => this.#begin(fine.checked ? this.#settled() : whole(this.#settled())));
    reset.addEventListener("click", () => this.#begin(fit(this.#model.axes, {})));
  }

  get fine() {
    return this.#fine.checked;
  }

  set fine(on) {
    this.#fine.checked = on;
  }

  /** Show the sliders of a model at α. */
  show(model, alpha) {
    this.#model = model;
    this.#note(alpha);
    const filmed = !model.takes.includes("mask"); // a hole would be shown too small to tell how it is filled
    this.#place = build(this.#sliders, model.axes, alpha, { fine: this.#fine.checked, filmed }, (axis, value) => {
      this.#note({ ...(value === "auto" ? this.#settled() : this.#alpha), [axis]: value });
      this.#changed(this.#alpha);
    });
  }

  /** Move them to α without a word. */
  place(alpha) {
    this.#note(alpha);
    this.#place(alpha);
  }

  #note(alpha) {
    this.#alpha = alpha;
    for (const [axis, value] of Object.entries(alpha)) if (value !== "auto") this.#known[axis] = value;
  }

  /** α without what is still to be found: for one axis at a time it is. */
  #settled() {
    return Object.fromEntries(Object.entries(this.#alpha).map(([axis, value]) => [axis, value === "auto" ? this.#known[axis] : value]));
  }

  #begin(alpha) {
    this.show(this.#model, alpha);
    this.#changed(alpha);
  }
}
