// How broad the strokes of a style are: at how many pixels it works. The middle is the server's own choice.

export class Strokes {
  #radios;

  /** `fieldset` holds radio buttons whose values are lengths of the longer side, in pixels, or nothing. */
  constructor(fieldset, changed) {
    this.#radios = [...fieldset.querySelectorAll("[type=radio]")];
    fieldset.addEventListener("change", changed);
  }

  /** Longer side that a style works at, in pixels; null leaves it to the server. */
  get detail() {
    return Number(this.#radios.find((radio) => radio.checked).value) || null;
  }

  set detail(longer) {
    const fallback = this.#radios.find((radio) => !radio.value);
    (this.#radios.find((radio) => Number(radio.value) === longer) ?? fallback).checked = true;
  }
}
