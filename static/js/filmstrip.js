// Small pictures across the range of an axis: what the slider would show there. Made once for a picture, one at a time
// and only while nothing else is being rendered.

import { alphaAt } from "./alpha.js";
import { request } from "./http.js";

const COUNT = 7;
const SIDE = 160; // longer side that is rendered, in pixels
const IDLE = 300; // ms without anything asked for

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

/** A canvas drawn small, as a JPEG file; a strip needs no more, and the whole would be sent for each picture. */
function shrunk(canvas) {
  const scale = Math.min(1, SIDE / Math.max(canvas.width, canvas.height));
  const small = new OffscreenCanvas(Math.round(canvas.width * scale), Math.round(canvas.height * scale));
  const context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(canvas, 0, 0, small.width, small.height);
  return small.convertToBlob({ type: "image/jpeg", quality: 0.9 });
}

export class Films {
  #container;
  #original;
  #subject = null; // { model, alpha, seed }
  #image = null;
  #timer;
  #turn = 0; // counts interruptions

  /** Strips are looked for in `container`; `original` is the canvas with the photograph. */
  constructor(container, original) {
    this.#container = container;
    this.#original = original;
  }

  /** Forget the picture: its strips are of something else. */
  clear() {
    this.pause();
    this.#subject = this.#image = null;
    for (const canvas of this.#container.querySelectorAll(".film canvas")) canvas.width = canvas.height = 0;
  }

  /** Something else is being rendered. */
  pause() {
    clearTimeout(this.#timer);
    this.#turn++;
  }

  /** Nothing is being rendered: go on with the strips of `{ model, alpha, seed }`, as it was when they were begun. */
  resume(subject) {
    this.pause();
    this.#subject ??= subject;
    this.#timer = setTimeout(() => this.#fill(this.#turn), IDLE);
  }

  async #fill(turn) {
    const { model, seed } = this.#subject;
    if (model.takes.includes("image")) this.#image ??= await shrunk(this.#original);
    for (const button of this.#container.querySelectorAll(".film button")) {
      if (turn !== this.#turn) return;
      if (button.firstChild.width) continue;
      const form = new FormData();
      if (this.#image) form.set("image", this.#image);
      else form.set("seed", seed);
      form.set("model", model.id);
      form.set("alpha", JSON.stringify({ ...this.#subject.alpha, [button.dataset.axis]: Number(button.dataset.value) }));
      form.set("format", "jpeg");
      let bitmap;
      try {
        bitmap = await createImageBitmap(await (await request("infer", { method: "POST", body: form })).blob());
      } catch {
        return; // the picture itself says what is wrong
      }
      if (turn !== this.#turn) return;
      [button.firstChild.width, button.firstChild.height] = [bitmap.width, bitmap.height];
      button.firstChild.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
    }
  }
}
