// The models the server has, as radio buttons with pictures, grouped by what they are for.

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

function group(application, models) {
  const heading = Object.assign(document.createElement("p"), { textContent: application.replace(/^\w/, (first) => first.toUpperCase()) });
  const tiles = document.createElement("div");
  tiles.append(...models.map(tile));
  const all = document.createElement("div");
  all.className = "group";
  all.setAttribute("role", "group");
  all.setAttribute("aria-label", heading.textContent);
  all.append(heading, tiles);
  return all;
}

/** Add the models to a fieldset; `chosen(model)` is called when a person picks one. */
export function build(fieldset, models, chosen) {
  const applications = [...new Set(models.map((model) => model.application))];
  const of = (application) => models.filter((model) => model.application === application);
  fieldset.append(...applications.map((application) => group(application, of(application))));
  fieldset.addEventListener("change", (event) => chosen(models.find((model) => model.id === event.target.value)));
}

/** Show which model is in use. */
export function check(fieldset, model) {
  const radio = [...fieldset.querySelectorAll("input")].find((input) => input.value === model.id);
  radio.checked = true;
  radio.parentElement.scrollIntoView({ block: "nearest", inline: "center" });
}
