// The picture at full size, as a PNG file on the person's device.

import { request } from "./http.js";

export async function save(photo, model, alpha) {
  const form = new FormData();
  form.set("image", photo.blob, photo.name);
  form.set("model", model.id);
  form.set("alpha", JSON.stringify(alpha));
  form.set("format", "png");
  const response = await request("infer", { method: "POST", body: form });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `${photo.name.replace(/\.[^.]*$/, "")}-${model.id}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the download may still be reading it
}
