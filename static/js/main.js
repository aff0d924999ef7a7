// The page: what a person chose, and who has to know when that changes.

import * as address from "./address.js";
import { fit, gather } from "./alpha.js";
import * as axes from "./axes.js";
import { compare } from "./compare.js";
import * as models from "./models.js";
import { Photos } from "./photos.js";
import { save } from "./save.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { Status } from "./status.js";

const at = (id) => document.getElementById(id);

const status = new Status(at("status"));
const stage = new Stage(at("picture"));
const canCompare = compare({ picture: at("picture"), hold: at("hold"), toggle: at("compare"), split: at("split") });
const photos = new Photos(at("photos"), at("file"), pickPhoto);

const chosen = { model: null, photo: null, alpha: {} };
const leftAt = new Map(); // α of models that were tried before, by id
let opened = { photo: null, size: null }; // the last photograph the server could open, and its size there

const session = new Session({
  sending: () => status.say("Sending the photograph…"),
  ready: (photo, size) => {
    opened = { photo, size };
    at("save").disabled = false;
  },
  rendering: () => status.say("Rendering…", 400),
  frame: (seq, image) => {
    stage.frame(seq, image);
    status.say(describe());
  },
  refused: (sentence, photo) => {
    status.fail(sentence);
    if (photo === chosen.photo && opened.photo && photo !== opened.photo) usePhoto(opened.photo);
  },
  lost: () => {
    status.renew();
    status.say("Connection lost. Reconnecting…");
  },
});

function describe() {
  const { photo, size } = opened;
  const live = `${size.width} × ${size.height}`;
  if (!photo.size || photo.size.width <= size.width) return `Ready. ${live} pixels.`;
  return `Ready. Shown at ${live}, saved at ${photo.size.width} × ${photo.size.height}.`;
}

function pickPhoto(photo) {
  status.renew();
  usePhoto(photo);
}

async function usePhoto(photo) {
  chosen.photo = photo;
  photos.check(photo);
  photo.size = await stage.original(photo);
  if (photo !== chosen.photo) return; // another was picked meanwhile
  canCompare(photo.size !== null);
  open();
}

function useModel(model, alpha) {
  chosen.model = model;
  chosen.alpha = fit(model.axes, alpha);
  models.check(at("models"), model);
  at("title").textContent = at("after").textContent = model.title;
  at("description").textContent = model.description;
  showSliders();
}

function pickModel(model) {
  status.renew();
  leftAt.set(chosen.model.id, chosen.alpha);
  useModel(model, leftAt.get(model.id) ?? {});
  open();
}

function showSliders() {
  axes.build(at("axes"), chosen.model.axes, chosen.alpha, at("fine").checked, (axis, value) => {
    chosen.alpha = { ...chosen.alpha, [axis]: value };
    render();
  });
}

function open() {
  session.open(chosen.photo, chosen.model, chosen.alpha);
  remember();
}

function render() {
  status.renew();
  session.set(chosen.alpha);
  remember();
}

function remember() {
  address.write({ model: chosen.model.id, photo: chosen.photo.id, alpha: chosen.alpha });
}

at("fine").addEventListener("change", () => {
  if (!at("fine").checked) chosen.alpha = Object.fromEntries(Object.entries(chosen.alpha).map(([id, value]) => [id, gather(value)]));
  showSliders();
  render();
});

at("reset").addEventListener("click", () => {
  chosen.alpha = fit(chosen.model.axes, {});
  showSliders();
  render();
});

at("save").addEventListener("click", async () => {
  at("save").disabled = true;
  status.renew();
  status.say("Making the picture at full size…");
  try {
    await save(chosen.photo, chosen.model, chosen.alpha);
    status.say("Saved.");
  } catch (error) {
    status.fail(error.message);
  }
  at("save").disabled = false;
});

/** Show what the address asks for, and the first there is of what it does not say. */
async function restore(available) {
  const asked = address.read();
  at("fine").checked = Object.values(asked.alpha).some(Array.isArray);
  useModel(available.find((model) => model.id === asked.model) ?? available[0], asked.alpha);
  usePhoto(await photos.get(asked.photo));
}

try {
  const available = await models.list();
  if (!available.length) throw new Error("There are no models here; put a model package in the weights folder.");
  models.build(at("models"), available, pickModel);
  await restore(available);
  delete document.body.dataset.loading;
  addEventListener("hashchange", () => restore(available));
} catch (error) {
  status.fail(error.message);
}
