// The sliders of a model: one per axis, or one per insertion point of every axis; a pad where there are two axes.

import { gather, positionOf, spread } from "./alpha.js";
import { curve } from "./curve.js";
import { strip } from "./filmstrip.js";
import { pad } from "./pad.js";
import { slider } from "./slider.js";

function ends(axis, changed) {
  const words = document.createElement("div");
  words.className = "ends";
  for (const end of axis.ends) {
    const word = Object.assign(document.createElement("span"), { textContent: end });
    word.setAttribute("aria-hidden", "true"); // every slider already says them
    words.append(word);
  }
  if (axis.auto) words.firstChild.after(choice(axis, changed));
  return words;
}

/** A button that leaves α to the server. */
function choice(axis, changed) {
  const button = Object.assign(document.createElement("button"), { textContent: "Choose for me" });
  button.className = "button quiet auto";
  button.setAttribute("aria-label", `Choose for me: ${axis.title}`);
  button.addEventListener("click", () => changed(axis.id, "auto"));
  return button;
}

/** Move the track of a slider as a person would. */
function slide(control, position) {
  const track = control.querySelector("[type=range]");
  track.value = position;
  track.dispatchEvent(new Event("input"));
}

function whole(axis, value, changed, filmed) {
  const control = slider(axis, axis.title, gather(value), changed);
  return filmed ? [control, strip(axis, (to) => slide(control, positionOf(axis, to)))] : [control];
}

/** Insertion points come from what lays the picture out to what finishes it. */
function pointName(index, blocks) {
  const kind = { 0: " (shapes)", [blocks.length - 1]: " (colours)" }[index] ?? "";
  return `Point ${index + 1}${blocks.length > 1 ? kind : ""}`;
}

function byPoint(axis, value, changed) {
  const values = [...spread(axis, value)];
  const heading = Object.assign(document.createElement("h3"), { textContent: axis.title });
  const sliders = axis.blocks.map((_, index) => {
    const one = slider(axis, pointName(index, axis.blocks), values[index], (to) => {
      values[index] = to;
      changed([...values]);
    });
    one.addEventListener("place", ({ detail }) => (values[index] = detail));
    return one;
  });
  return [heading, ...sliders];
}

/**
 * Fill `container` with sliders, `filmed` with small pictures of where they lead; `changed(axis id, value)` is called whenever one moves, or with
 * "auto" when α is to be found. Returns what moves them all to α without a word.
 */
export function build(container, axes, alpha, { fine, filmed }, changed) {
  const both = axes.length === 2 && !fine ? pad(axes, filmed, (index, position) => slide(groups[index], position)) : null;
  const groups = axes.map((axis, index) => {
    const group = document.createElement("div");
    group.className = "axis";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", axis.title);
    const drawing = curve(axis);
    const show = (value) => {
      drawing?.move(gather(value));
      both?.move(index, gather(value));
    };
    const move = (value) => {
      show(value);
      changed(axis.id, value);
    };
    show(alpha[axis.id]);
    group.append(...(fine ? byPoint : whole)(axis, alpha[axis.id], move, filmed), ends(axis, changed));
    if (drawing) group.append(drawing.details);
    group.addEventListener("place", ({ detail }) => {
      show(detail);
      group.querySelectorAll(".slider").forEach((one, point) => {
        one.dispatchEvent(new CustomEvent("place", { detail: fine ? spread(axis, detail)[point] : gather(detail) }));
      });
    });
    return group;
  });
  container.replaceChildren(...(both ? [both.square] : []), ...groups);
  return (found) => {
    axes.forEach((axis, index) => groups[index].dispatchEvent(new CustomEvent("place", { detail: found[axis.id] })));
  };
}
