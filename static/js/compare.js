// Before and after: hold to see the original, or drag a divider between the two.

import { putBack } from "./scroll.js";

const HOLD_KEYS = [" ", "Enter"];

function holdToSee(elements, picture, canHold, isPainted) {
  let holder = null;
  const paints = (element) => element === picture && isPainted();
  const show = (element) => {
    if (element && !canHold()) return;
    holder = element;
    picture.classList.toggle("held", element !== null);
    for (const each of elements) each.setAttribute("aria-pressed", each === element);
  };
  for (const element of elements) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && !paints(element)) show(element);
    });
    element.addEventListener("keydown", (event) => {
      if (!HOLD_KEYS.includes(event.key) || event.ctrlKey || event.metaKey || paints(element)) return;
      event.preventDefault();
      show(element);
    });
    // A screen reader presses without pointer or key, and cannot hold: one press shows it, the next ends that.
    element.addEventListener("click", (event) => event.detail === 0 && !paints(element) && show(holder === element ? null : element));
    // Pressing one moves the focus away from the other, which must not end the hold.
    for (const name of ["keyup", "blur", "pointerleave"]) element.addEventListener(name, () => holder === element && show(null));
    element.addEventListener("contextmenu", (event) => event.pointerType === "touch" && event.preventDefault());
  }
  for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => show(null));
  // B does it wherever the focus is.
  const isB = (event) => event.key.toLowerCase() === "b" && !(event.ctrlKey || event.metaKey || event.altKey);
  addEventListener("keydown", (event) => isB(event) && !event.repeat && show(picture));
  addEventListener("keyup", (event) => isB(event) && show(null));
}

function divide(picture, split, isComparing) {
  const move = () => picture.parentElement.style.setProperty("--split", `${split.value}%`);
  const follow = (event) => {
    const box = picture.getBoundingClientRect();
    split.value = (100 * (event.clientX - box.left)) / box.width;
    move();
  };
  const put = (value) => {
    if (!isComparing()) return;
    split.value = value;
    move();
  };
  putBack(picture, () => split.value, put); // first: what it was before it follows
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !isComparing()) return;
    picture.setPointerCapture(event.pointerId);
    follow(event);
  });
  picture.addEventListener("pointermove", (event) => isComparing() && picture.hasPointerCapture(event.pointerId) && follow(event));
  split.addEventListener("input", move);
}

/**
 * Wire up the picture, the button to hold, the button that turns the divider on, and the divider's range input.
 * `isPainted()` says whether a pointer, or a key, on the picture paints.
 */
export function compare({ picture, hold, toggle, split, isPainted }) {
  const isComparing = () => picture.classList.contains("comparing");
  holdToSee([picture, hold], picture, () => !hold.disabled && !isComparing(), isPainted);
  divide(picture, split, isComparing);

  const set = (on) => {
    picture.classList.toggle("comparing", on);
    toggle.setAttribute("aria-pressed", on);
    split.hidden = !on;
  };
  toggle.addEventListener("click", (event) => {
    set(!isComparing());
    if (isComparing() && event.detail === 0) split.focus(); // pressed with a key: the arrows move the divider next
  });

  return {
    get isOn() {
      return isComparing();
    },

    /** There is something to compare with the original, or there is not. */
    available(on) {
      hold.disabled = toggle.disabled = !on;
      if (!on) set(false);
    },

    end: () => set(false),
  };
}
