// A finger that begins on a slider and goes up or down scrolls the page; the browser has moved the slider by then.

/** Put a slider back in that case: `value()` is what it stands for, `put(value)` makes it stand for that again. */
export function putBack(track, value, put) {
  let before;
  track.addEventListener("pointerdown", () => (before = value()));
  track.addEventListener("pointercancel", () => put(before));
}
