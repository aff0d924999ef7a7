// Where photographs come from: the samples, the file chooser, a drop, a paste. A photograph is
// `{ id, name, blob }`; its id says which tile of the strip it belongs to. A sample's `start` is a hole to begin with.

async function sample(radio) {
  const response = await fetch(radio.dataset.source);
  return { id: radio.value, name: radio.value, start: radio.dataset.hole, blob: await response.blob() };
}

export class Photos {
  active = true; // whether photographs are wanted at all
  #strip;
  #chosen;
  #own = null;

  /** `chosen(photo)` is called when a person picks a photograph, from anywhere. */
  constructor(strip, file, chosen) {
    this.#strip = strip;
    this.#chosen = chosen;
    strip.addEventListener("change", (event) => this.#pick(event.target.value));
    file.addEventListener("change", () => {
      this.#take(file.files);
      file.value = ""; // choosing the same file again is a choice too
    });
    document.addEventListener("paste", (event) => this.#take(event.clipboardData.files));
    this.#listenForDrops();
  }

  /** The photograph behind a tile, or the first sample where there is no such tile. */
  async get(id) {
    if (id === "own" && this.#own) return this.#own;
    const radios = [...this.#strip.querySelectorAll("input[data-source]")];
    return sample(radios.find((radio) => radio.value === id) ?? radios[0]);
  }

  /** Show which photograph is in use. */
  check(photo) {
    if (photo.id === "own" && photo !== this.#own) this.#keep(photo);
    this.#strip.querySelector(`input[value="${photo.id}"]`).checked = true;
  }

  async #pick(id) {
    this.#chosen(await this.get(id));
  }

  #take(files) {
    if (files.length && this.active) this.#chosen({ id: "own", name: files[0].name.replace(/\.[^.]*$/, "") || "photo", blob: files[0] });
  }

  #keep(photo) {
    const tile = this.#strip.querySelector("#own");
    tile.hidden = false;
    this.#own = photo;
    this.#paint(tile.querySelector("canvas"), photo.blob);
  }

  async #paint(canvas, blob) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const bitmap = await createImageBitmap(blob).catch(() => null);
    if (!bitmap) return; // a format only the server reads: the tile stays plain
    const side = Math.min(bitmap.width, bitmap.height);
    const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
    context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
    bitmap.close();
  }

  #listenForDrops() {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (on) => document.body.classList.toggle("dropping", on && this.active);
    document.addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(true);
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget ?? mark(false));
    document.addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      mark(false);
      this.#take(event.dataTransfer.files);
    });
  }
}
