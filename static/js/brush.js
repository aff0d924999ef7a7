// The brush that paints the hole: the pointer on the picture, and the tools beside it.

import { putBack } from "./scroll.js";

const GROWTH = 1.25; // of the brush, for a press of a key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAINTS = "Picture. Arrows move the brush, with Shift a little, and Space paints; hold B to see the original photograph.";
const STEPS = [0.05, 0.01]; // of an arrow, and with Shift
const CENTRE = { width: 0.4, points: [[0.5, 0.5]] };
const STRIPES = ["rgb(214 0 110 / 62%)", "rgb(255 205 232 / 62%)"]; // two, for one of them stands out from any picture

let pattern = null;

function stripes(context) {
  const tile = new OffscreenCanvas(16, 16);
  const inTile = tile.getContext("2d");
  const fill = (colour, shape) => {
    inTile.fillStyle = colour;
    inTile.fill(new Path2D(shape));
  };
  fill(STRIPES[0], "M0 0h8L0 8zM16 0v8L8 16H0z");
  fill(STRIPES[1], "M8 0h8L0 16V8zM16 8v8H8z");
  return context.createPattern(tile, "repeat");
}

/** Draw a hole on an empty context, in a tint that lets through what is under it. */
export function tint(context, hole) {
  hole.draw(context);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = pattern ??= stripes(context);
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

export class Brush {
  #picture;
  #cursor;
  #context;
  #tools;
  #changed;
  #aimed;
  #isCovered;
  #hole;
  #place = [0.5, 0.5];
  #label; // of a picture that is not painted on
  #active = false;
  #pointer = null; // the one that paints
  #stroke = null;

  /**
   * `changed()` is called when the hole has, `aimed(sentence)` when a key moved the brush; `isCovered()` says whether the
   * picture is not to be painted on just now.
   */
  constructor({ picture, tint, cursor, tools, changed, aimed, isCovered }) {
    this.#picture = picture;
    this.#label = picture.ariaLabel;
    this.#cursor = cursor;
    this.#context = tint.getContext("2d");
    this.#tools = tools.elements;
    this.#changed = changed;
    this.#aimed = aimed;
    this.#isCovered = isCovered;
    this.#useTools();
    this.#usePointer();
    this.#useKeys();
    this.#grow(1);
  }

  /** Whether there is a hole to paint at all. */
  set active(on) {
    this.#active = on;
    this.#picture.classList.toggle("paintable", on);
    this.#picture.ariaLabel = on ? PAINTS : this.#label;
  }

  get canPaint() {
    return this.#active && !this.#isCovered();
  }

  /** Begin with another picture, of a size on the screen. */
  begin({ width, height }, hole) {
    [this.#context.canvas.width, this.#context.canvas.height] = [width, height];
    this.#hole = hole;
    this.#settle();
  }

  #useTools() {
    const { erase, size, undo, clear, centre } = this.#tools;
    erase.addEventListener("click", () => this.#erase(!this.#picture.classList.contains("erasing")));
    size.addEventListener("input", () => this.#grow(1));
    putBack(size, () => size.value, (before) => {
      size.value = before;
      this.#grow(1);
    });
    undo.addEventListener("click", () => this.#undo());
    clear.addEventListener("click", () => this.#change(() => this.#hole.clear()));
    centre.addEventListener("click", () => this.#change(() => this.#hole.add(CENTRE)));
  }

  #erase(on) {
    this.#picture.classList.toggle("erasing", on);
    this.#tools.erase.setAttribute("aria-pressed", on);
  }

  #grow(factor) {
    this.#tools.size.value *= factor;
    this.#cursor.style.setProperty("--size", this.#tools.size.value);
  }

  #undo() {
    if (this.#hole.canUndo) this.#change(() => this.#hole.undo());
  }

  #usePointer() {
    const picture = this.#picture;
    picture.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.#pointer !== null || !this.canPaint) return;
      picture.setPointerCapture(event.pointerId);
      this.#pointer = event.pointerId;
      this.#stroke = this.#begun([]);
      this.#hole.add(this.#stroke);
      picture.classList.add("painting");
      this.#follow(event);
    });
    picture.addEventListener("pointermove", (event) => {
      this.#aim(this.#at(event));
      if (event.pointerId === this.#pointer) this.#follow(event);
    });
    for (const [name, keeps] of [["pointerup", true], ["pointercancel", false]]) {
      picture.addEventListener(name, (event) => event.pointerId === this.#pointer && this.#end(keeps));
    }
  }

  #begun(points) {
    return { erases: this.#picture.classList.contains("erasing"), width: this.#tools.size.value / 100, points };
  }

  #at(event) {
    const box = this.#picture.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  #aim(place) {
    this.#place = place;
    this.#cursor.style.setProperty("--x", place[0]);
    this.#cursor.style.setProperty("--y", place[1]);
  }

  #follow(event) {
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) this.#stroke.points.push(this.#at(each));
    this.#aim(this.#at(event));
    tint(this.#context, this.#hole);
  }

  #end(keeps) {
    this.#pointer = null;
    this.#picture.classList.remove("painting");
    if (!keeps) this.#hole.undo();
    this.#change();
  }

  /** Arrows move the brush over the picture that has the focus, Space or Enter paints where it is. */
  #paintWith(event) {
    if (!this.canPaint || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = ARROWS[event.key];
    if (!way && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    const step = STEPS[Number(event.shiftKey)];
    const place = this.#place.map((from, axis) => Math.min(1, Math.max(0, from + step * (way?.[axis] ?? 0))));
    this.#aim(place);
    const [across, down] = place.map((part) => Math.round(100 * part));
    if (way) this.#aimed(`Brush at ${across} % across, ${down} % down.`);
    else this.#change(() => this.#hole.add(this.#begun([place])));
  }

  #useKeys() {
    this.#picture.addEventListener("keydown", (event) => this.#paintWith(event));
    document.addEventListener("keydown", (event) => {
      if (!this.#active || event.altKey || event.target.matches("input[type=number]")) return;
      const undoes = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
      if (undoes) this.#undo();
      else if (event.key === "[") this.#grow(1 / GROWTH);
      else if (event.key === "]") this.#grow(GROWTH);
      else return;
      event.preventDefault();
    });
  }

  #change(how = () => {}) {
    how();
    this.#settle();
    this.#changed();
  }

  #settle() {
    tint(this.#context, this.#hole);
    const focused = document.activeElement;
    this.#tools.undo.disabled = !this.#hole.canUndo;
    this.#tools.erase.disabled = this.#tools.clear.disabled = this.#hole.isEmpty;
    if (focused.disabled) this.#tools.size.focus(); // a button with nothing left to do loses it
    if (this.#hole.isEmpty) this.#erase(false);
  }
}
