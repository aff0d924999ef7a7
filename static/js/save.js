// A file on the person's device: the picture at full size, an animation along the first axis, or a contact sheet of it.

import { request } from "./http.js";

const SWEPT_SIDE = "640"; // longer side of an animation's frames, in pixels

export const PICTURE = { path: "infer", format: "png" };
export const ANIMATION = { path: "sweep", format: "webp", frames: 12 };
export const SHEET = { path: "sweep", format: "jpeg", frames: 9 };

/** Make one of these of `fields` in a model at α; the file is called after `name`, where there is one, and the model. */
export async function save({ path, format, frames }, fields, model, alpha, name) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  form.set("model", model.id);
  form.set("alpha", JSON.stringify(alpha));
  form.set("format", format);
  if (frames) {
    form.set("frames", frames);
    if (model.takes.includes("max_side")) form.set("max_side", SWEPT_SIDE);
  }
  const response = await request(path, { method: "POST", body: form });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `${[name, model.id].filter(Boolean).join("-")}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may still be reading it
}
