// The model, the sample and α live in the address, so that a reload or a link brings them back:
// #model=name&photo=name&a.axis=0.6&a.other=0.2_0.5_0.9

const PREFIX = "a.";

export function read() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const alpha = {};
  for (const [name, value] of fields) {
    if (!name.startsWith(PREFIX)) continue;
    const numbers = value.split("_").map(Number.parseFloat);
    alpha[name.slice(PREFIX.length)] = numbers.length === 1 ? numbers[0] : numbers;
  }
  return { model: fields.get("model"), photo: fields.get("photo"), alpha };
}

let timer;

/** Browsers limit how often the address may change, so it follows a moving slider from a little behind. */
export function write({ model, photo, alpha }) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const fields = new URLSearchParams({ model, photo });
    for (const [axis, value] of Object.entries(alpha)) fields.set(PREFIX + axis, [value].flat().join("_"));
    history.replaceState(null, "", `#${fields}`);
  }, 200);
}
