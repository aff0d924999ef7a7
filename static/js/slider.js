// One slider: a name, a number that can be typed, and a track whose fill starts at 0, where nothing is tuned.

import { clamp } from "./alpha.js";

const STEP = 0.01;
const STRIDE = 0.05; // of an arrow key; with shift, a step
const ARROWS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/** Where a value lies on the track, from 0 to 1. */
const place = (axis, value) => (value - axis.range[0]) / (axis.range[1] - axis.range[0]);

export function slider(axis, name, value, changed) {
  const label = document.createElement("label");
  label.textContent = name;

  const number = document.createElement("input");
  const track = document.createElement("input");
  for (const input of [number, track]) {
    [input.min, input.max] = axis.range;
    input.step = STEP;
    input.setAttribute("aria-label", `${name}, from ${axis.ends[0]} to ${axis.ends[1]}`);
  }
  number.type = "number";
  number.inputMode = "decimal";
  track.type = "range";
  track.title = "Double-click to reset";
  track.id = `${axis.id}:${name}`;
  label.htmlFor = track.id;

  const mark = document.createElement("i");
  mark.style.setProperty("--at", place(axis, axis.default));
  const rail = document.createElement("div");
  rail.className = "rail";
  rail.append(mark, track);

  const paint = (to) => {
    const ends = [place(axis, 0), place(axis, to)].sort((a, b) => a - b);
    rail.style.setProperty("--from", ends[0]);
    rail.style.setProperty("--to", ends[1]);
  };
  const move = (to) => {
    track.value = to;
    number.value = Number(to).toFixed(2);
    paint(to);
  };
  const moved = (to) => {
    const rounded = Number(to.toFixed(2));
    move(rounded);
    changed(rounded);
  };

  track.addEventListener("input", () => moved(track.valueAsNumber));
  track.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    moved(clamp(axis, track.valueAsNumber + ARROWS[event.key] * (event.shiftKey ? STEP : STRIDE)));
  });
  track.addEventListener("dblclick", () => moved(axis.default));
  number.addEventListener("change", () =>
    moved(Number.isNaN(number.valueAsNumber) ? track.valueAsNumber : clamp(axis, number.valueAsNumber)),
  );
  move(value);

  const control = document.createElement("div");
  control.className = "slider";
  control.append(label, number, rail);
  return control;
}
