// The models the server has, as radio buttons with pictures, grouped by what they are for. A model that takes a
// photograph is shown on the one in use; one that fills holes, by a hole in it.

import { tint } from "./brush.js";
import { Hole } from "./hole.js";
import { request } from "./http.js";

const LOG = "The server's log says why.";
const HOLE = "0.25 0.35,0.5 0.65,0.5"; // where there is none yet, see hole.js
const NONE = "There are no models here; put a model package in the weights folder.";

/** What there is, and ids of what could not be loaded: `{ models, left_out }`. */
export async function list() {
  return (await request("models")).json();
}

function tile(model) {
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: model.id });
  const picture = Object.assign(document.createElement("img"), { loading: "lazy", src: model.thumbnail, alt: "", width: 92, height: 92 });
  const title = Object.assign(document.createElement("span"), { textContent: model.title });
  const label = document.createElement("label");
  label.className = "tile";
  label.title = [model.title, model.description].filter(Boolean).join(". ");
  label.append(radio, picture, title);
  return label;
}

function row(className, ...children) {
  const made = Object.assign(document.createElement("div"), { className });
  made.append(...children);
  return made;
}

function group(application, tiles) {
  const all = row("group", ...tiles);
  all.setAttribute("role", "group");
  all.setAttribute("aria-label", application.replace(/^\w/, (first) => first.toUpperCase()));
  return all;
}

/** A button that brings a group into view: what it is for can be read wherever the row stands. */
function kind(group) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: group.ariaLabel });
  button.addEventListener("click", ({ detail }) => {
    group.scrollIntoView({ block: "nearest", inline: "start" });
    if (detail === 0) group.querySelector("input")?.focus({ preventScroll: true }); // pressed with a key
  });
  return button;
}

/** What stands where a model would, had it been possible to load it. */
function gap(id) {
  return Object.assign(document.createElement("p"), { className: "gap", textContent: id, title: LOG });
}

/** α that shows what a model is for: its defaults or, where those are the main network alone, one end of an axis. */
function telling(axes) {
  const alpha = Object.fromEntries(axes.map((axis) => [axis.id, axis.default]));
  if (!Object.values(alpha).some(Boolean)) alpha[axes[0].id] = axes[0].range[1];
  return alpha;
}

/** Mark the hole of a photograph on a canvas: filled, it would be too small to be seen. */
function show({ hole, start }, canvas) {
  const over = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  tint(over, hole?.isEmpty === false ? hole : new Hole(null, start ?? HOLE));
  canvas.getContext("2d").drawImage(over.canvas, 0, 0);
}

export class Models {
  #tiles;
  #leftOut;
  #kinds; // buttons, by the group that each brings into view
  #shown = new Map(); // the photograph that a model's picture was made of

  /**
   * Add the models of a list to a fieldset; `chosen(model)` is called when a person picks one. Where there is none, an
   * Error says so.
   */
  constructor(fieldset, { models, left_out: leftOut }, chosen) {
    if (!models.length) throw new Error(leftOut.length ? `No model could be loaded. ${LOG}` : NONE);
    this.#leftOut = leftOut;
    this.#tiles = new Map(models.map((model) => [model, tile(model)]));
    const applications = [...new Set(models.map((model) => model.application))];
    const of = (application) => models.filter((model) => model.application === application).map((model) => this.#tiles.get(model));
    const groups = applications.map((application) => group(application, of(application)));
    if (leftOut.length) groups.push(group("could not be loaded", leftOut.map(gap)));
    this.#kinds = new Map(groups.map((each) => [each, kind(each)]));
    fieldset.append(row("kinds", ...this.#kinds.values()), row("row", ...groups));
    fieldset.addEventListener("change", (event) => chosen(models.find((model) => model.id === event.target.value)));
  }

  /** The first that takes a field, if there is one. */
  first(field) {
    return [...this.#tiles.keys()].find((model) => model.takes.includes(field));
  }

  /** The model of an id or, in its place, the first there is with a sentence that says why. */
  get(id) {
    const all = [...this.#tiles.keys()];
    const model = all.find((each) => each.id === id);
    if (model) return { model };
    const why = this.#leftOut.includes(id) ? `The model ${id} could not be loaded; ${LOG.toLowerCase()}` : `There is no model ${id} here.`;
    return { model: all[0], sentence: id && `${why} This is ${all[0].title}.` };
  }

  /** Show which model is in use. */
  check(model) {
    const tile = this.#tiles.get(model);
    tile.firstChild.checked = true;
    const row = tile.closest(".row"); // alone: the page stays where it is
    const middle = (element) => element.getBoundingClientRect().left + element.clientWidth / 2;
    row.scrollBy({ left: middle(tile) - middle(row) });
    for (const [group, button] of this.#kinds) button.classList.toggle("used", group.contains(tile));
  }

  /**
   * The pictures that are not of the photograph in use: a source of `Idle`. Of a model that has neither detail nor a hole,
   * and works on single pixels, too little would be seen on a small one: noise.
   */
  *missing({ photo }) {
    const shows = (model) => model.takes.includes("detail") || model.takes.includes("mask");
    for (const [model, tile] of this.#tiles) {
      if (!shows(model) || this.#shown.get(model) === photo) continue;
      const canvas = tile.querySelector("canvas") ?? document.createElement("canvas");
      const drawn = () => {
        this.#shown.set(model, photo);
        tile.querySelector("img")?.replaceWith(canvas);
      };
      if (!model.takes.includes("mask")) yield { model, alpha: telling(model.axes), canvas, drawn };
      else yield { canvas, drawn: () => (drawn(), show(photo, canvas)) };
    }
  }
}
