// One slider: a name, α as a number that can be typed, and a track from 0 to 1 along which equal steps look equal. Its
// fill starts where α is 0 and nothing is tuned.

import { alphaAt, clamp, positionOf, written } from "./alpha.js";
import { putBack } from "./scroll.js";

const STEP = 0.01;
const FINEST = 0.001;
const STRIDE = 0.05; // of an arrow key; with shift, a step
const ARROWS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

export function slider(axis, name, value, changed) {
  const label = document.createElement("label");
  label.textContent = name;

  const number = document.createElement("input");
  const track = document.createElement("input");
  for (const input of [number, track]) {
    input.setAttribute("aria-label", `${name}, from ${axis.ends[0]} to ${axis.ends[1]}`);
  }
  number.type = "number";
  [number.min, number.max] = axis.range;
  number.step = STEP;
  number.inputMode = "decimal";
  track.type = "range";
  [track.min, track.max, track.step] = [0, 1, FINEST];
  const [lowest, highest] = axis.range.map((end, index) => `${end} is ${axis.ends[index]}`);
  track.title = [lowest, axis.range[0] < 0 ? "0 the main network" : "", highest].filter(Boolean).join(", ") + ". Double-click to reset.";
  track.id = `${axis.id}:${name}`;
  label.htmlFor = track.id;

  const mark = document.createElement("i");
  mark.style.setProperty("--at", positionOf(axis, axis.default));
  const rail = document.createElement("div");
  rail.className = "rail";
  rail.append(mark, track);

  let at = value;
  const paint = (to) => {
    const ends = [positionOf(axis, 0), positionOf(axis, to)].sort((a, b) => a - b);
    rail.style.setProperty("--from", ends[0]);
    rail.style.setProperty("--to", ends[1]);
  };
  const move = (to) => {
    at = to;
    track.value = positionOf(axis, to);
    number.value = written(to);
    track.setAttribute("aria-valuetext", number.value);
    paint(to);
  };
  const moved = (to) => {
    const rounded = Number(to.toFixed(3));
    move(rounded);
    changed(rounded);
  };

  const slid = (position) => moved(alphaAt(axis, Math.min(1, Math.max(0, position))));

  putBack(track, () => at, moved);
  track.addEventListener("input", () => slid(track.valueAsNumber));
  track.addEventListener("keydown", (event) => {
    if (!ARROWS[event.key]) return;
    event.preventDefault();
    slid(track.valueAsNumber + ARROWS[event.key] * (event.shiftKey ? STEP : STRIDE));
  });
  track.addEventListener("dblclick", () => moved(axis.default));
  number.addEventListener("beforeinput", (event) => {
    if (!event.data?.includes(",")) return; // which Chromium drops: 0,5 were 5
    event.preventDefault();
    document.execCommand("insertText", false, event.data.replace(",", "."));
  });
  number.addEventListener("change", () => {
    const typed = Number.isNaN(number.valueAsNumber) ? alphaAt(axis, track.valueAsNumber) : number.valueAsNumber;
    moved(clamp(axis, typed));
    if (clamp(axis, typed) === typed) return;
    const detail = `${name} goes from ${axis.range.join(" to ")}.`;
    number.dispatchEvent(new CustomEvent("refused", { bubbles: true, detail }));
  });
  move(value);

  const control = document.createElement("div");
  control.className = "slider";
  control.addEventListener("place", ({ detail }) => move(detail)); // α was found elsewhere
  control.append(label, number, rail);
  return control;
}
