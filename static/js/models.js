// The models the server has, as radio buttons with pictures, grouped by what they are for. A model that takes a
// photograph is shown on the one in use.

import { request } from "./http.js";

export async function list() {
  const response = await request("models");
  return (await response.json()).models;
}

function tile(model) {
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "model", value: model.id });
  const picture = Object.assign(document.createElement("img"), { src: model.thumbnail, alt: "", width: 96, height: 96 });
  const title = Object.assign(document.createElement("span"), { textContent: model.title });
  const label = document.createElement("label");
  label.className = "tile";
  label.title = model.description;
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

/** α that shows what a model is for: its defaults or, where those are the main network alone, one end of an axis. */
function telling(axes) {
  const alpha = Object.fromEntries(axes.map((axis) => [axis.id, axis.default]));
  if (!Object.values(alpha).some(Boolean)) alpha[axes[0].id] = axes[0].range[1];
  return alpha;
}

function show(picture, file) {
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
}

export class Models {
  #tiles;
  #shown = new Map(); // the photograph that a model's picture was made of

  /** Add the models to a fieldset; `chosen(model)` is called when a person picks one. */
  constructor(fieldset, models, chosen) {
    this.#tiles = new Map(models.map((model) => [model, tile(model)]));
    const applications = [...new Set(models.map((model) => model.application))];
    const of = (application) => models.filter((model) => model.application === application).map((model) => this.#tiles.get(model));
    fieldset.append(...applications.map((application) => group(application, of(application))));
    fieldset.addEventListener("change", (event) => chosen(models.find((model) => model.id === event.target.value)));
  }

  /** Show which model is in use. */
  check(model) {
    const tile = this.#tiles.get(model);
    tile.firstChild.checked = true;
    tile.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /** The pictures that are not of the photograph in use: a source of `Idle`. A hole would be too small to be seen. */
  *missing({ photo }) {
    if (!photo.size) return; // the browser cannot read it
    for (const [model, tile] of this.#tiles) {
      if (!model.takes.includes("image") || model.takes.includes("mask") || this.#shown.get(model) === photo) continue;
      const done = (file) => {
        this.#shown.set(model, photo);
        show(tile.querySelector("img"), file);
      };
      yield { model, alpha: telling(model.axes), show: done };
    }
  }
}
