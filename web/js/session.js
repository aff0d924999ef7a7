// In place of the page's own session.js, with the same interface: what is opened is prepared and rendered in the browser, at
// the newest α that was asked for. No photograph leaves the device.

import { ask, file } from "./engine.js";

/** What is told of a photograph that was read, and how it looks. */
async function looked(fields) {
  const { picture, full } = await ask("look", fields);
  return [{ full: [full.width, full.height], notes: [] }, await file(picture, "image/png")];
}

export class Session {
  #on;
  #wanted = null; // what to open: { model, fields }; or to look at, without a model
  #opened = null; // what is open
  #alpha = null; // the newest α
  #asked = true; // whether it was rendered
  #isBusy = false;

  constructor(on) {
    this.#on = on;
  }

  open(wanted, alpha) {
    this.#wanted = wanted;
    this.set(alpha);
  }

  look(wanted) {
    if (this.#wanted?.fields.image === wanted.fields.image && !this.#wanted.model) return; // it is at that
    this.open(wanted, null);
  }

  set(alpha) {
    this.#alpha = alpha;
    this.#asked = false;
    this.#advance();
  }

  async #advance() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#wanted && (this.#opened !== this.#wanted || (this.#wanted.model && !this.#asked))) {
      const wanted = this.#wanted;
      try {
        await (this.#opened === wanted ? this.#render(wanted) : this.#open(wanted));
      } catch (error) {
        if (this.#wanted !== wanted) continue; // something else is wanted by now
        const refused = this.#opened === wanted ? null : wanted;
        if (refused) this.#wanted = null;
        this.#on.refused(error.message, refused);
      }
    }
    this.#isBusy = false;
  }

  async #open(wanted) {
    this.#on.preparing(wanted);
    const { model, fields } = wanted;
    const answer = model ? await ask("open", { model, fields }) : await looked(fields);
    this.#opened = wanted;
    if (this.#wanted !== wanted) return;
    if (model) this.#on.ready(wanted, answer);
    else this.#on.looked(wanted, ...answer);
  }

  async #render(wanted) {
    const alpha = this.#alpha;
    this.#asked = true;
    this.#on.rendering();
    const picture = await ask("render", { alpha });
    if (this.#wanted === wanted) this.#on.frame({ exact: true, alpha }, picture, this.#asked);
  }
}
