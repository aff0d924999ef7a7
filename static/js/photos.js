// Where photographs come from: the samples, the file chooser, a drop, a paste. A photograph is
// `{ id, name, blob }`; its id says which tile of the strip it belongs to. A sample's `start` is a hole to begin with.
// Once the server has read it, there are `original`, how it looks and which way is up, `size` and `notes`.

async function sample(radio) {
  const response = await fetch(radio.dataset.source).catch(() => null);
  if (!response?.ok) throw new Error("The photograph cannot be fetched. Check the connection and try again.");
  return { id: radio.value, name: radio.value, start: radio.dataset.hole, blob: await response.blob() };
}

/** A file of a kind that the server does not read, as one that it does, where the browser can read it. */
async function readable(file, kinds) {
  if (!file.type.startsWith("image/") || kinds.includes(file.type)) return file; // the server looks for itself
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file; // the server says what it is
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.fillStyle = "#fff"; // a JPEG file has no transparency
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}

export class Photos {
  #strip;
  #kinds;
  #maxBytes;
  #on;
  #own = null;
  #samples = new Map(); // those that were looked at, with what was painted on them, by id
  #used = null;
  #turn = 0; // counts what was picked
  #tile;

  /** `on.chosen(photo)` is called when a person picks a photograph, from anywhere; `on.refused(sentence)` if it is too large. */
  constructor(strip, file, on) {
    this.#strip = strip;
    this.#kinds = file.accept.split(",");
    this.#maxBytes = Number(file.dataset.maxBytes);
    this.#on = on;
    this.#tile = strip.querySelector("#own canvas").getContext("2d");
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
    const radio = radios.find((each) => each.value === id) ?? radios[0];
    if (!this.#samples.has(radio.value)) this.#samples.set(radio.value, await sample(radio));
    return this.#samples.get(radio.value);
  }

  /** Show which photograph is in use. */
  check(photo) {
    if (photo.id === "own" && photo !== this.#own) this.#keep(photo);
    this.#used = photo;
    this.#strip.querySelector(`input[value="${photo.id}"]`).checked = true;
  }

  /** Draw a photograph, a canvas, on its tile. */
  draw(photo, picture) {
    if (photo !== this.#own) return; // samples have theirs
    const { canvas } = this.#tile;
    const side = Math.min(picture.width, picture.height);
    const [left, top] = [(picture.width - side) / 2, (picture.height - side) / 2];
    this.#tile.clearRect(0, 0, canvas.width, canvas.height);
    this.#tile.drawImage(picture, left, top, side, side, 0, 0, canvas.width, canvas.height);
  }

  /** One that cannot be used leaves the strip. */
  forget(photo) {
    if (photo !== this.#own) return;
    this.#own = null;
    this.#strip.querySelector("#own").hidden = true;
  }

  async #pick(id) {
    const turn = ++this.#turn;
    try {
      const photo = await this.get(id);
      if (turn === this.#turn) this.#on.chosen(photo);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.check(this.#used);
      this.#on.refused(error.message);
    }
  }

  async #take([file]) {
    if (!file) return;
    const turn = ++this.#turn;
    const blob = await readable(file, this.#kinds);
    if (turn !== this.#turn) return; // another was picked meanwhile
    if (blob.size > this.#maxBytes) {
      // Not left to the server: a connection closed in the middle of a message often does not say why.
      this.#on.refused(`The photograph is over ${this.#maxBytes / 1e6} MB; choose a smaller one.`);
      return;
    }
    this.#on.chosen({ id: "own", name: file.name.replace(/\.[^.]*$/, "") || "photo", blob });
  }

  #keep(photo) {
    this.#strip.querySelector("#own").hidden = false;
    this.#own = photo;
    this.#tile.clearRect(0, 0, this.#tile.canvas.width, this.#tile.canvas.height);
  }

  #listenForDrops() {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (on) => document.body.classList.toggle("dropping", on);
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
