// The models the server has, as radio buttons with pictures, grouped by what they are for. A model that takes a
// photograph is shown on the one in use.

import { request } from "./http.js";

const LOG = "The server's log says why.";
const NONE = "There are no models here; put a model package in the weights folder.";

/** What there is, and ids of what could not be loaded: `{ models, left_out }`. */
export async function list() {
  return (await request("models")).json();
}

function tile(model) {
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: model.id });
  const picture = Object.assign(document.createElement("img"), { src: model.thumbnail, alt: "", width: 96, height: 96 });
  const title = Object.assign(document.createElement("span"), { textContent: model.title });
  const label = document.createElement("label");
  label.className = "tile";
  label.title = [model.title, model.description].filter(Boolean).join(". ");
  label.append(radio, picture, title);
  return label;
}

function group(application, tiles) {
  const heading = Object.assign(document.createElement("p"), { textContent: application.replace(/^\w/, (first) => first.toUpperCase()) });
  const row = document.createElement("div");
  row.append(...tiles);
  const all = document.createElement("div");
  all.className = "group";
  all.setAttribute("role", "group");
  all.setAttribute("aria-label", heading.textContent);
  all.append(heading, row);
  return all;
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

export class Models {
  #tiles;
  #leftOut;
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
    fieldset.append(...applications.map((application) => group(application, of(application))));
    if (leftOut.length) fieldset.append(group("could not be loaded", leftOut.map(gap)));
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
    tile.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /**
   * The pictures that are not of the photograph in use: a source of `Idle`. Of a model that has no detail to choose, and
   * works on pixels rather than on the picture, too little would be seen on a small one: a hole, noise.
   */
  *missing({ photo }) {
    for (const [model, tile] of this.#tiles) {
      if (!model.takes.includes("detail") || this.#shown.get(model) === photo) continue;
      const canvas = tile.querySelector("canvas") ?? document.createElement("canvas");
      const drawn = () => {
        this.#shown.set(model, photo);
        tile.querySelector("img")?.replaceWith(canvas);
      };
      yield { model, alpha: telling(model.axes), canvas, drawn };
    }
  }
}
