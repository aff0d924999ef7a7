// A grid of pictures, each made from a seed. A locked one keeps its seed and its place when the others are renewed; the
// one that was locked last can be taken out.

const COUNT = 12;
const MOST = 100_000; // so that a seed is short enough to read out
const SIDE = 256; // of a picture as it is drawn, in pixels
const TAKEN_SIDE = 512; // of one that is taken out, so that a model for photographs has something to work on

const isSeed = (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

/** What was wanted, as many as the grid holds; anything that makes no sense becomes one of the first seeds there are. */
export function fit({ seeds, locked }) {
  return {
    seeds: Array.from({ length: COUNT }, (_, index) => (isSeed(seeds[index]) ? seeds[index] : index + 1)),
    locked, // what is not a place in the grid locks nothing
  };
}

function cell() {
  const button = Object.assign(document.createElement("button"), { className: "seed", type: "button" });
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  button.append(canvas, document.createElement("span"));
  return button;
}

export class Seeds {
  #cells = Array.from({ length: COUNT }, cell);
  #seeds = [];
  #locked = []; // cells, the one locked last at the end
  #keep;
  #changed;

  /** `changed()` is called when a person locks one or lets it go; `kept(photo)` when they take one out by the button. */
  constructor(grid, keep, { changed, kept }) {
    this.#keep = keep;
    this.#changed = changed;
    grid.append(...this.#cells);
    keep.addEventListener("click", async () => kept(await this.#taken()));
    grid.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.#lock(button, !this.#locked.includes(button));
      this.#changed();
    });
  }

  get value() {
    return { seeds: this.#seeds, locked: this.#locked.map((each) => this.#cells.indexOf(each)) };
  }

  set value({ seeds, locked }) {
    this.#seeds = seeds;
    for (const [index, button] of this.#cells.entries()) {
      button.lastChild.textContent = seeds[index];
      button.title = `Seed ${seeds[index]}`;
      button.setAttribute("aria-label", `Lock picture ${index + 1}, seed ${seeds[index]}`);
      this.#lock(button, false);
    }
    for (const index of locked) if (this.#cells[index]) this.#lock(this.#cells[index], true);
  }

  /** Other seeds for all that are not locked. */
  renew() {
    const { locked } = this.value;
    const taken = new Set(this.#seeds);
    const fresh = () => {
      const seed = Math.floor(Math.random() * MOST);
      if (taken.has(seed)) return fresh();
      taken.add(seed);
      return seed;
    };
    this.value = { seeds: this.#seeds.map((seed, index) => (locked.includes(index) ? seed : fresh())), locked };
  }

  /** Draw a frame in which the pictures stand side by side, `columns` in a row. */
  draw(bitmap, columns) {
    const width = bitmap.width / columns;
    const height = bitmap.height / Math.ceil(COUNT / columns);
    const one = new OffscreenCanvas(width, height).getContext("2d"); // alone, so that none bleeds into its neighbour
    for (const [index, button] of this.#cells.entries()) {
      one.drawImage(bitmap, -(index % columns) * width, -Math.floor(index / columns) * height);
      const context = button.firstChild.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(one.canvas, 0, 0, SIDE, SIDE);
    }
  }

  #lock(button, on) {
    button.setAttribute("aria-pressed", on);
    this.#locked = [...this.#locked.filter((each) => each !== button), ...(on ? [button] : [])];
    this.#keep.disabled = !this.#locked.length;
    // The number is the text after the words.
    this.#keep.lastElementChild.lastChild.textContent = ` ${this.#cells.indexOf(this.#locked.at(-1)) + 1 || ""}`;
  }

  async #taken() {
    const button = this.#locked.at(-1);
    const context = new OffscreenCanvas(TAKEN_SIDE, TAKEN_SIDE).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(button.firstChild, 0, 0, TAKEN_SIDE, TAKEN_SIDE);
    return { id: "own", name: `seed-${button.lastChild.textContent}`, blob: await context.canvas.convertToBlob() };
  }
}
