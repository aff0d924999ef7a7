// A closer look: wheel, pinch, or + and − on the picture; dragging moves it. The frame as a whole is scaled, so both
// sides of a comparison and what is painted stay in step.

const MOST = 16;
const WHEEL = 0.0015; // of e, for each pixel scrolled; pinching on a trackpad scrolls a tenth of that, with Ctrl
const KEYS = { "+": 1.25, "=": 1.25, "-": 0.8, 0: 0 };
const PAN = 40; // CSS pixels, of an arrow key
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Zoom {
  #frame;
  #picture;
  #level;
  #isBusy;
  #scale = 1;
  #x = 0;
  #y = 0;
  #size = [1, 1]; // of the frame, in CSS pixels, when it was placed last
  #touches = new Map(); // pointers that are down, by id

  /** `level` is a button that says how large the picture is and makes it fit; `isBusy()` whether a drag is taken. */
  constructor({ frame, picture, level, isBusy }) {
    [this.#frame, this.#picture, this.#level, this.#isBusy] = [frame, picture, level, isBusy];
    level.addEventListener("click", () => {
      this.fit();
      picture.focus({ preventScroll: true }); // the button is gone
    });
    picture.addEventListener("wheel", (event) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode ? 30 : 1) * (event.ctrlKey ? 10 : 1);
      this.#by(Math.exp(-pixels * WHEEL), event.clientX, event.clientY);
    }, { passive: false });
    picture.addEventListener("keydown", (event) => this.#key(event));
    picture.addEventListener("pointerdown", (event) => this.#down(event), { capture: true });
    picture.addEventListener("pointermove", (event) => this.#drag(event));
    for (const name of ["pointerup", "pointercancel"]) { // anywhere: a press that does not drag captures nothing
      addEventListener(name, (event) => event.isTrusted && this.#touches.delete(event.pointerId));
    }
    this.fit();
    new ResizeObserver(() => this.#apply()).observe(frame); // the same detail stays where it is
  }

  get isOn() {
    return this.#scale > 1;
  }

  fit() {
    [this.#scale, this.#x, this.#y] = [1, 0, 0];
    this.#apply();
  }

  #by(factor, clientX, clientY) {
    const box = this.#frame.getBoundingClientRect();
    const scale = Math.min(MOST, Math.max(1, this.#scale * factor));
    const grown = scale / this.#scale - 1;
    this.#x -= (clientX - box.left) * grown;
    this.#y -= (clientY - box.top) * grown;
    this.#scale = scale;
    this.#apply();
  }

  #apply() {
    const { offsetWidth: width, offsetHeight: height } = this.#frame;
    const within = (shift, before, now) => Math.min(0, Math.max(now * (1 - this.#scale), (shift * now) / (before || 1)));
    this.#x = within(this.#x, this.#size[0], width);
    this.#y = within(this.#y, this.#size[1], height);
    this.#size = [width, height];
    this.#frame.style.setProperty("--zoom", this.#scale);
    this.#frame.style.translate = `${this.#x}px ${this.#y}px`;
    this.#frame.classList.toggle("zoomed", this.isOn);
    this.#level.hidden = !this.isOn;
    const canvas = this.#picture.querySelector("canvas");
    this.#level.textContent = `${Math.round((100 * this.#scale * width) / canvas.width)} %`;
    this.#level.setAttribute("aria-label", `${this.#level.textContent}. ${this.#level.title}`);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey) return;
    const box = this.#frame.parentElement.getBoundingClientRect();
    if (event.key in KEYS) this.#by(KEYS[event.key], box.left + box.width / 2, box.top + box.height / 2);
    else if (event.key in ARROWS && this.isOn && !this.#isBusy()) this.#move(...ARROWS[event.key].map((way) => way * PAN));
    else return;
    event.preventDefault();
  }

  #move(x, y) {
    this.#x += x;
    this.#y += y;
    this.#apply();
  }

  #down(event) {
    const [first] = this.#touches.keys();
    this.#touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#touches.size === 2) {
      // What the first finger had begun is not meant.
      this.#picture.dispatchEvent(new PointerEvent("pointercancel", { pointerId: first, bubbles: true }));
      event.stopImmediatePropagation();
    } else if (this.isOn && !this.#isBusy() && event.button === 0) {
      this.#picture.setPointerCapture(event.pointerId);
      event.stopImmediatePropagation();
    }
  }

  #drag(event) {
    const before = this.#touches.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    this.#touches.set(event.pointerId, now);
    if (this.#touches.size === 2) {
      const [other] = [...this.#touches].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const apart = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]) || 1;
      this.#move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      this.#by(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (this.isOn && !this.#isBusy()) {
      this.#move(now[0] - before[0], now[1] - before[1]);
    }
  }
}
