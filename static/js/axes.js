// The sliders of a model: one per axis, or one per insertion point of every axis.

import { gather, positionOf, spread } from "./alpha.js";
import { curve } from "./curve.js";
import { strip } from "./filmstrip.js";
import { slider } from "./slider.js";

function ends(axis) {
  const words = document.createElement("div");
  words.className = "ends";
  words.setAttribute("aria-hidden", "true"); // every slider already says them
  for (const end of axis.ends) words.append(Object.assign(document.createElement("span"), { textContent: end }));
  return words;
}

function whole(axis, value, changed, filmed) {
  const control = slider(axis, axis.title, gather(value), changed);
  const track = control.querySelector("[type=range]");
  const go = (to) => {
    track.value = positionOf(axis, to);
    track.dispatchEvent(new Event("input"));
  };
  return filmed ? [control, strip(axis, go)] : [control];
}

function byPoint(axis, value, changed) {
  const values = [...spread(axis, value)];
  const heading = Object.assign(document.createElement("h3"), { textContent: axis.title });
  const sliders = axis.blocks.map((block, index) =>
    slider(axis, `Point ${index + 1} · ${block}`, values[index], (to) => {
      values[index] = to;
      changed([...values]);
    }),
  );
  return [heading, ...sliders];
}

/** Fill `container` with sliders, `filmed` with strips; `changed(axis id, value)` is called whenever one moves. */
export function build(container, axes, alpha, { fine, filmed }, changed) {
  container.replaceChildren(
    ...axes.map((axis) => {
      const group = document.createElement("div");
      group.className = "axis";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", axis.title);
      const drawing = curve(axis);
      const move = (value) => {
        drawing?.move(gather(value));
        changed(axis.id, value);
      };
      const parts = (fine ? byPoint : whole)(axis, alpha[axis.id], move, filmed);
      group.append(...parts, ends(axis));
      if (drawing) {
        drawing.move(gather(alpha[axis.id]));
        group.append(drawing.details);
      }
      return group;
    }),
  );
}
