// Two axes at once: a square in which a dot stands for both, over small pictures of where it leads. It moves the sliders;
// who uses keys has those.

import { alphaAt, positionOf } from "./alpha.js";
import { still } from "./filmstrip.js";

const COLUMNS = 4;
const ROWS = 3;

const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length));

function pictures(axes) {
  const all = document.createElement("div");
  for (let cell = 0; cell < COLUMNS * ROWS; cell++) {
    const at = [((cell % COLUMNS) + 0.5) / COLUMNS, 1 - (Math.floor(cell / COLUMNS) + 0.5) / ROWS];
    all.append(still(Object.fromEntries(axes.map((axis, index) => [axis.id, Number(alphaAt(axis, at[index]).toFixed(3))]))));
  }
  return all;
}

/** What lies at the sides. Where the axis that goes up begins at 0, nothing of it is to be seen at the bottom, nor said. */
function words([across, up]) {
  const all = { left: across.ends[0], right: across.ends[1], top: up.ends[1], ...(up.range[0] < 0 && { bottom: up.ends[0] }) };
  return Object.entries(all).map(([className, textContent]) =>
    Object.assign(document.createElement("span"), { className, textContent }),
  );
}

/** The square of two axes, and `move(index, alpha)`; `go(index, position)` is called as the pointer moves in it. */
export function pad(axes, filmed, go) {
  const square = document.createElement("div");
  square.className = "pad";
  square.setAttribute("aria-hidden", "true");
  const dot = document.createElement("i");
  square.append(...(filmed ? [pictures(axes)] : []), ...words(axes), dot);
  const follow = (event) => {
    if (!square.hasPointerCapture(event.pointerId)) return;
    const box = square.getBoundingClientRect();
    go(0, share(event.clientX, box.left, box.width));
    go(1, 1 - share(event.clientY, box.top, box.height));
  };
  square.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    square.setPointerCapture(event.pointerId);
    follow(event);
  });
  square.addEventListener("pointermove", follow);
  const move = (index, alpha) => dot.style.setProperty(["--x", "--y"][index], positionOf(axes[index], alpha));
  return { square, move };
}
