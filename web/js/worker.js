// Models, run by ONNX Runtime: on a graphics card by WebGPU, or in WebAssembly. One thing at a time, in the order it was asked.
//
// "look": fields to the photograph as it is shown, and its `full` size. "open": a model and fields to the size of what is
// made of them. "render": that at α. "make": a model, fields and several α to pictures of each. "has": whether a model is
// here. Pictures are ImageData.

import { flat, level, read, seen, shrunk } from "./pixels.js";
import { SHORTEST } from "./small.js";

const KEPT = 2; // models

const listed = fetch(new URL("../../models.json", import.meta.url)).then((response) => response.json());
const sessions = new Map(); // by model, the one used last at the end
let opened = null;
let last = null; // what was asked to be opened last
let engine = chosen(self.name); // what runs them, as a promise: { ort, provider }

/** WebGPU where it is there and quicker, and its runtime can wait for it; `asked` is what the page's address says. */
async function chosen(asked) {
  const adapter = "Suspending" in WebAssembly && asked !== "wasm" && (await navigator.gpu?.requestAdapter().catch(() => null));
  return runtime(adapter && (asked === "webgpu" || !adapter.info.isFallbackAdapter) ? "webgpu" : "wasm");
}

async function runtime(provider) {
  const ort = await import(provider === "webgpu" ? "./ort/ort.jspi.min.mjs" : "./ort/ort.wasm.min.mjs").catch(() => {
    throw new Error("This browser cannot run models. Try another one.");
  });
  ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  ort.env.logLevel = "error"; // it warns of shapes being computed on the processor, where they belong
  return { ort, provider };
}

/** What a runtime could not do. */
class Failed extends Error {}

/** What it was asked to do. */
const done = (promise) =>
  promise.catch((error) => {
    throw new Failed(error.message);
  });

async function load(id) {
  const kept = sessions.get(id);
  sessions.delete(id);
  const made = kept ?? (await fetched(id));
  sessions.set(id, made);
  for (const [other, { prepare, render }] of [...sessions].slice(0, -KEPT)) {
    sessions.delete(other);
    await Promise.all([prepare.release(), render.release()]);
  }
  return made;
}

async function fetched(id) {
  const { models } = await listed;
  const graph = async (name) => {
    const response = await fetch(new URL(`../../models/${id}/${name}.onnx`, import.meta.url)).catch(() => null);
    if (!response?.ok) throw new Error("The model cannot be fetched. Check the connection and try again.");
    return new Uint8Array(await response.arrayBuffer());
  };
  const files = await Promise.all(["prepare", "render"].map(graph));
  const { ort, provider } = await engine;
  const create = (bytes) => done(ort.InferenceSession.create(bytes, { executionProviders: [provider] }));
  const [prepare, render] = [await create(files[0]), await create(files[1])]; // the runtime starts with the first
  return { prepare, render, model: models.find((model) => model.id === id) };
}

/** The size a model is shown of a picture: the server's own rule. */
function workedAt({ width, height }, { detail, multiple }, asked) {
  const scale = (Number(asked) || detail) / Math.max(width, height);
  if (!detail || scale >= 1) return { width, height };
  const [wide, high] = [width, height].map((side) => Math.max(SHORTEST, Math.round((side * scale) / multiple) * multiple));
  return { width: wide, height: high };
}

async function open(id, { image, where, max_side: longest, detail }) {
  const { prepare, render, model } = await load(id);
  const { ort } = await engine;
  const { picture } = await read(image, longest);
  const small = shrunk(picture, workedAt(picture, model, detail));
  const tensor = (one) => new ort.Tensor("float32", flat(one), [1, 3, one.height, one.width]);
  const prepared = await done(prepare.run({ inputs: tensor(small) }));
  if (small !== picture) prepared.picture = tensor(picture); // what is painted is laid over it at its own size
  return { render, model, prepared, picture, where: where && (await seen(where, small, picture)) };
}

async function rendered({ render, model, prepared, picture, where }, alpha) {
  const { ort } = await engine;
  const given = Object.fromEntries(
    model.axes.map(({ id }) => {
      const values = [alpha[id] ?? 0].flat();
      return [`alpha.${id}`, new ort.Tensor("float32", Float32Array.from(values), [1, values.length, 1, 1])];
    }),
  );
  const { output } = await done(render.run({ ...prepared, ...given }));
  return level(output.data, picture, where);
}

const can = {
  look: ({ image, max_side: longest }) => read(image, longest),
  async open({ model, fields }) {
    last = { model, fields };
    opened = await open(model, fields);
    return { width: opened.picture.width, height: opened.picture.height };
  },
  render: ({ alpha }) => rendered(opened, alpha),
  async make({ model, fields, alphas }) {
    const one = await open(model, fields);
    const pictures = [];
    for (const alpha of alphas) pictures.push(await rendered(one, alpha));
    return pictures;
  },
  has: async (model) => sessions.has(model),
};

/** What was asked. Where WebGPU fails, for want of memory or of the card, this and what comes after is done in WebAssembly. */
async function answer(what, given) {
  try {
    return await can[what](given);
  } catch (error) {
    if (!(error instanceof Failed) || (await engine).provider === "wasm") throw error;
  }
  engine = runtime("wasm");
  sessions.clear();
  if (last && what !== "open") await can.open(last);
  return can[what](given);
}

let turn = Promise.resolve();

onmessage = ({ data: { id, what, given } }) => {
  turn = turn.then(async () => {
    try {
      postMessage({ id, answer: await answer(what, given) });
    } catch (error) {
      postMessage({ id, refused: error.message });
    }
  });
};
