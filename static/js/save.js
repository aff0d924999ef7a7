// A file on the person's device: the picture at full size, an animation along the first axis, or a contact sheet of it.

import { request } from "./http.js";

const SWEPT_SIDE = "640"; // longer side of an animation's frames, in pixels

const KINDS = {
  save: { path: "infer", format: "png", sentence: "Making the picture at full size…" },
  animation: { path: "sweep", format: "webp", frames: 12, sentence: "Making an animation…" },
  sheet: { path: "sweep", format: "jpeg", frames: 9, sentence: "Making a contact sheet…" },
};

async function save({ path, format, frames }, { fields, size, model, alpha, name }) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  form.set("model", model.id);
  form.set("alpha", JSON.stringify(alpha));
  form.set("format", format);
  if (frames) form.set("frames", frames);
  if (model.takes.includes("max_side")) form.set("max_side", frames ? SWEPT_SIDE : Math.max(size.width, size.height));
  const response = await request(path, { method: "POST", body: form });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  const [, called] = response.headers.get("Content-Disposition").match(/filename\*=UTF-8''(.*)/);
  link.download = [name, decodeURIComponent(called)].filter(Boolean).join("-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may still be reading it
}

/**
 * Wire up the buttons `{ save, animation, sheet }`. `what()` tells, when one is pressed, the `{ fields, size, model,
 * alpha, name }` to be made into a file called after `name`, where there is one, the model and α. Returns what enables
 * them all, or disables.
 */
export function saves(buttons, what, status) {
  const busy = new Set();
  let isOn = false;
  const settle = () => {
    for (const id of Object.keys(KINDS)) buttons[id].disabled = !isOn || busy.has(id);
  };
  for (const [id, kind] of Object.entries(KINDS)) {
    buttons[id].addEventListener("click", async () => {
      const hadFocus = document.activeElement === buttons[id];
      busy.add(id);
      settle();
      status.renew();
      try {
        await status.during(kind.sentence, async () => save(kind, await what()));
        status.say("Saved.");
      } catch (error) {
        status.fail(error.message);
      }
      busy.delete(id);
      settle();
      if (hadFocus && document.activeElement === document.body) buttons[id].focus(); // which it lost
    });
  }
  return (on) => {
    isOn = on;
    settle();
  };
}
