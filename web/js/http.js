// In place of the page's own http.js, with the same interface: what a server would answer is made in the browser.

import { alphaAt, written } from "./alpha.js";
import { ask, file } from "./engine.js";
import { animation, sheet } from "./sweep.js";

const QUALITY = 0.9;

/** What a picture is called, as the server calls it: after its model and α. */
function called(model, alpha, format) {
  const said = (value) => [value].flat().map((one) => Number(one.toFixed(2))).join("_");
  const axes = Object.entries(alpha);
  const moved = axes.filter(([, value]) => [value].flat().some(Boolean)).flatMap(([axis, value]) => [axis, said(value)]);
  const one = axes.map(([, value]) => said(value)); // or 0, of several where none was moved
  return [model, ...(axes.length > 1 && moved.length ? moved : one.slice(0, 1))].join("-") + `.${format}`;
}

function reply(blob, name) {
  return new Response(blob, { headers: { "Content-Disposition": `inline; filename*=UTF-8''${encodeURIComponent(name)}` } });
}

async function infer({ model, alpha, format, ...fields }) {
  const picture = await ask("make", { model, fields, alphas: [alpha] });
  return reply(await file(picture[0], `image/${format}`, QUALITY), called(model, alpha, format));
}

async function sweep({ model, alpha, format, frames, ...fields }) {
  const { models } = await (await request("models")).json();
  const [axis] = models.find((one) => one.id === model).axes;
  const values = Array.from({ length: Number(frames) }, (_, i) => alphaAt(axis, i / (frames - 1)));
  const pictures = await ask("make", { model, fields, alphas: values.map((value) => ({ ...alpha, [axis.id]: value })) });
  const made = format === "webp" ? animation(pictures) : sheet(pictures, values.map(written));
  return reply(await made, called(model, {}, format));
}

/** Pictures that nobody waits for are made by the model in use alone: others would have to be fetched. */
export async function request(path, { body, signal } = {}) {
  if (!body) {
    const response = await fetch(`${path}.json`).catch(() => null);
    if (!response?.ok) throw new Error("The models cannot be fetched. Check the connection and load the page again.");
    return response;
  }
  const { alpha, ...given } = Object.fromEntries(body);
  if (signal && !(await ask("has", given.model))) throw new Error("It is not here.");
  return (path === "sweep" ? sweep : infer)({ ...given, alpha: JSON.parse(alpha) });
}

/** There is none to be refused. */
export async function whyNoSession() {
  return null;
}
