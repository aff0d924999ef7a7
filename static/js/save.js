// The picture at full size, as a PNG file on the person's device.

import { request } from "./http.js";

/** Render `fields` in a model at α; the file is called after `name`, where there is one, and the model. */
export async function save(fields, model, alpha, name) {
  const form = new FormData();
  for (const [field, value] of Object.entries(fields)) form.set(field, value);
  form.set("model", model.id);
  form.set("alpha", JSON.stringify(alpha));
  form.set("format", "png");
  const response = await request("infer", { method: "POST", body: form });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `${[name, model.id].filter(Boolean).join("-")}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may still be reading it
}
