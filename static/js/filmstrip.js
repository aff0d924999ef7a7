// Small pictures across the range of an axis: what the slider would show there.

import { alphaAt, written } from "./alpha.js";

const COUNT = 7;

/** A small picture, not made yet, of what `{ axis: value, … }` leads to, where other axes stay as they are. */
export function still(alpha) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 0, height: 0 });
  canvas.dataset.alpha = JSON.stringify(alpha);
  return canvas;
}

/** The strip of an axis, empty; `go(value)` is called when one of its pictures is picked. */
export function strip(axis, go) {
  const film = document.createElement("div");
  film.className = "film";
  film.setAttribute("role", "group");
  film.setAttribute("aria-label", `${axis.title}, from ${axis.ends[0]} to ${axis.ends[1]}, in pictures`);
  for (let index = 0; index < COUNT; index++) {
    const value = Number(alphaAt(axis, index / (COUNT - 1)).toFixed(3));
    const button = Object.assign(document.createElement("button"), { type: "button", title: written(value) });
    button.setAttribute("aria-label", `${axis.title} ${written(value)}`);
    button.addEventListener("click", () => go(value));
    button.append(still({ [axis.id]: value }));
    film.append(button);
  }
  return film;
}

export class Films {
  #container;

  /** What is still to be made is looked for in `container`. */
  constructor(container) {
    this.#container = container;
  }

  /** Forget the picture: what was made is of something else. */
  clear() {
    for (const canvas of this.#container.querySelectorAll("[data-alpha]")) {
      canvas.width = canvas.height = 0;
      delete canvas.dataset.shows;
    }
  }

  /** What a subject lacks, or shows with the other axes where they no longer are: a source of `Idle`. */
  *missing({ model, alpha, seed }) {
    for (const canvas of this.#container.querySelectorAll("[data-alpha]")) {
      const wanted = { ...alpha, ...JSON.parse(canvas.dataset.alpha) };
      const shows = JSON.stringify(wanted);
      if (canvas.dataset.shows === shows) continue;
      yield { model, alpha: wanted, seed, canvas, drawn: () => (canvas.dataset.shows = shows) };
    }
  }
}
