// What a person chose lives in the address, so that a reload or a link brings it back:
// #model=name&photo=name&a.axis=0.6&a.other=0.2_0.5_0.9
// #model=name&photo=name&detail=1024&a.axis=0.6
// #model=name&seeds=1_2_3&locked=0&a.axis=0.6

const PREFIX = "a.";

const numbers = (text) => (text ?? "").split("_").map(Number.parseFloat);

let timer;
let known; // the address as it was read or written last

export function read() {
  known = location.hash;
  const fields = new URLSearchParams(location.hash.slice(1));
  const alpha = {};
  for (const [name, value] of fields) {
    if (!name.startsWith(PREFIX)) continue;
    const all = numbers(value);
    alpha[name.slice(PREFIX.length)] = all.length === 1 ? all[0] : all;
  }
  return {
    model: fields.get("model"),
    photo: fields.get("photo"),
    seeds: numbers(fields.get("seeds")),
    locked: numbers(fields.get("locked")),
    detail: Number(fields.get("detail")),
    alpha,
  };
}

/**
 * Browsers limit how often the address may change, so it follows a moving slider from a little behind, and not at all
 * where another was gone to meanwhile: that is about to be read.
 */
export function write({ alpha, ...chosen }) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (location.hash !== known) return;
    const fields = new URLSearchParams();
    const set = (name, value) => value.length === 0 || fields.set(name, [value].flat().join("_"));
    for (const [name, value] of Object.entries(chosen)) set(name, value);
    for (const [axis, value] of Object.entries(alpha)) set(PREFIX + axis, value);
    history.replaceState(null, "", `#${fields}`);
    known = location.hash;
  }, 200);
}
