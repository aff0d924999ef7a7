// What a first visit shows without a word: the slider moves to one end, to the other and back, and the picture with it.

import { positionOf } from "./alpha.js";

const DURATION = 4000; // ms
const TOUCHES = ["pointerdown", "keydown", "wheel", "drop", "paste"];

/** Move the track of an axis, unless the person wants less motion, until they do anything; then it is back. */
export function invite(track, axis) {
  const rest = positionOf(axis, axis.default);
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const touched = new AbortController();
  const begun = performance.now();
  const put = (position) => {
    track.value = position;
    track.dispatchEvent(new Event("input"));
  };
  const stop = () => {
    touched.abort();
    put(rest);
  };
  for (const name of TOUCHES) addEventListener(name, stop, { capture: true, signal: touched.signal });
  const move = (now) => {
    if (touched.signal.aborted || !track.isConnected) return;
    const turn = Math.min(1, Math.max(0, (now - begun) / DURATION));
    const swing = Math.sin(2 * Math.PI * turn);
    put(turn < 1 ? rest + swing * (swing > 0 ? 1 - rest : rest) : rest);
    if (turn < 1) requestAnimationFrame(move);
    else touched.abort();
  };
  requestAnimationFrame(move);
}
