// Small pictures across the range of an axis: what the slider would show there.

import { alphaAt } from "./alpha.js";

const COUNT = 7;

/** The strip of an axis, empty; `go(value)` is called when one of its pictures is picked. */
export function strip(axis, go) {
  const film = document.createElement("div");
  film.className = "film";
  film.setAttribute("role", "group");
  film.setAttribute("aria-label", `${axis.title}, from ${axis.ends[0]} to ${axis.ends[1]}, in pictures`);
  for (let index = 0; index < COUNT; index++) {
    const value = Number(alphaAt(axis, index / (COUNT - 1)).toFixed(3));
    const button = Object.assign(document.createElement("button"), { type: "button", title: value.toFixed(2) });
    button.setAttribute("aria-label", `${axis.title} ${value.toFixed(2)}`);
    button.dataset.axis = axis.id;
    button.dataset.value = value;
    button.addEventListener("click", () => go(value));
    button.append(document.createElement("canvas"));
    film.append(button);
  }
  return film;
}

export class Films {
  #container;
  #alpha = null; // of the other axes

  /** Strips are looked for in `container`. */
  constructor(container) {
    this.#container = container;
  }

  /** Forget the picture: its strips are of something else. */
  clear() {
    this.#alpha = null;
    for (const canvas of this.#container.querySelectorAll(".film canvas")) canvas.width = canvas.height = 0;
  }

  /** What the strips of a subject lack, at α as it was when they were begun: a source of `Idle`. */
  *missing({ model, alpha, seed }) {
    this.#alpha ??= alpha;
    for (const button of this.#container.querySelectorAll(".film button")) {
      if (button.firstChild.width) continue;
      const there = { ...this.#alpha, [button.dataset.axis]: Number(button.dataset.value) };
      yield { model, alpha: there, seed, canvas: button.firstChild };
    }
  }
}
