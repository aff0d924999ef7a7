// The camera's pictures as the photograph in use: a button, and how many are shown a second.

import { Camera } from "./camera.js";
import { Hole } from "./hole.js";

const OVER = 1500; // ms over which pictures are counted

export class Live {
  #button;
  #rate;
  #status;
  #on;
  #camera;
  #times = []; // when pictures were shown
  #isSaid = false; // what else there is to say may stay

  /**
   * `on` holds: begun(photo, a canvas of it), moved({ blob, size } of the next), shown(a canvas of it), ended().
   */
  constructor({ button, rate, status }, on) {
    [this.#button, this.#rate, this.#status, this.#on] = [button, rate, status, on];
    this.#camera = new Camera({ taken: (blob, size) => this.#taken({ blob, size }), stopped: () => this.#stopped() });
    button.addEventListener("click", () => (this.isOn ? this.stop() : this.#start()));
  }

  get isOn() {
    return this.#camera.isOn;
  }

  stop() {
    this.#camera.stop();
  }

  /** A picture file is on the screen. */
  shown(file) {
    if (!this.#camera.shown(file)) return;
    this.#on.shown(this.#camera.canvas);
    const now = performance.now();
    this.#times = [...this.#times.filter((time) => now - time < OVER), now];
    const passed = (now - this.#times[0]) / 1000;
    if (passed > 0.5) this.#rate.textContent = `${Math.round((this.#times.length - 1) / passed)} a second`;
    if (!this.#isSaid) this.#status.say("Live. Press Camera to stop.");
    this.#isSaid = true;
  }

  async #start() {
    this.#status.renew();
    this.#status.say("Waiting for the camera…");
    this.#isSaid = false;
    const hadFocus = document.activeElement === this.#button;
    this.#button.disabled = true;
    await this.#camera.start().catch((error) => this.#status.fail(error.message));
    this.#button.disabled = false;
    if (hadFocus && document.activeElement === document.body) this.#button.focus(); // which it lost meanwhile
  }

  #taken(picture) {
    if (this.#times.length) return this.#on.moved(picture);
    this.#times = [performance.now()];
    this.#rate.textContent = "Live";
    this.#mark(true);
    this.#on.begun({ id: "own", name: "camera", hole: new Hole(), area: new Hole(), ...picture }, this.#camera.canvas);
  }

  #stopped() {
    this.#times = [];
    this.#mark(false);
    this.#on.ended();
  }

  #mark(on) {
    this.#rate.hidden = !on;
    this.#button.setAttribute("aria-pressed", on);
    document.body.classList.toggle("live", on);
  }
}
