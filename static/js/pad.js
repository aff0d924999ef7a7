// Two axes at once: a square in which a dot stands for both. It moves the sliders; who uses keys has those.

import { positionOf } from "./alpha.js";

const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length));

/** The square of two axes, and `move(index, alpha)`; `go(index, position)` is called as the pointer moves in it. */
export function pad(axes, go) {
  const square = document.createElement("div");
  square.className = "pad";
  square.setAttribute("aria-hidden", "true");
  const dot = document.createElement("i");
  const [across, up] = axes.map((axis) => axis.ends);
  const words = [across[0], across[1], up[0], up[1]].map((textContent, index) =>
    Object.assign(document.createElement("span"), { textContent, className: ["left", "right", "bottom", "top"][index] }),
  );
  square.append(...words, dot);
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
