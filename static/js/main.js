// The page: what a person chose, and who has to know when that changes. What there is to choose follows from the
// fields that a model takes, never from which model it is.

import * as address from "./address.js";
import { Adjust } from "./adjust.js";
import { carry, fit, gather, whole, written } from "./alpha.js";
import { Brush } from "./brush.js";
import { Choice } from "./choice.js";
import { compare } from "./compare.js";
import { Films } from "./filmstrip.js";
import { Frames } from "./frames.js";
import { Hole } from "./hole.js";
import { whyNoSession } from "./http.js";
import { Idle } from "./idle.js";
import { invite } from "./invite.js";
import { Live } from "./live.js";
import { Models, list } from "./models.js";
import { Photos } from "./photos.js";
import { saves } from "./save.js";
import { Seeds, fit as fitSeeds } from "./seeds.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { LIVE_SIDE, largest } from "./small.js";
import { Status } from "./status.js";
import { Strokes } from "./strokes.js";
import { Zoom } from "./zoom.js";

const at = (id) => document.getElementById(id);

const chosen = new Choice();
const leftAt = new Map(); // α of models that were tried before, by id
let opened = null; // what the server could open last, and what it answered
let read = null; // the photograph that it could read last and is in use, or was
let came = 0; // counts frames
let isFirstVisit = !location.hash; // and nothing has been shown
let models = null; // the tiles
let said = ""; // of α that was found
let losses = 0; // counts connections that were lost, and found again
let away = ""; // what is said while there is none
let opening = 0; // counts what was to be opened
let restored = 0; // counts addresses

const takes = (field) => chosen.takes(field);
const paintsWhere = () => takes("where") && at("area").getAttribute("aria-pressed") === "true";

const status = new Status(at("status"));
const stage = new Stage(at("picture"));
const frames = new Frames((bitmap, exact) => {
  if (takes("seed")) seeds.draw(bitmap, opened.answer.columns);
  else stage.draw(bitmap, opened.answer);
  at("preview").hidden = exact || live.isOn; // the next picture is nearer than the exact one
  live.shown(opened.photo.blob);
  if (!exact || live.isOn) return;
  status.say(describe());
  if (isFirstVisit) invite(document.querySelector("#axes [type=range]"), chosen.model.axes[0]);
  isFirstVisit = false;
  rest();
});
const films = new Films(at("axes"));
const idle = new Idle(
  at("original"),
  (subject) => films.missing(subject),
  (subject) => models.missing(subject),
);
const photos = new Photos(at("photos"), at("file"), { chosen: pickPhoto, refused: (sentence) => status.fail(sentence) });
const seeds = new Seeds(at("seeds"), at("keep"), {
  changed: () => {
    status.renew();
    status.say(describe());
    remember();
  },
  kept: (photo) => {
    const hadFocus = document.activeElement === at("keep");
    pickModel(models.first("image"), photo);
    if (hadFocus) at("picture").focus({ preventScroll: true }); // the button is gone
  },
});
const live = new Live(
  { button: at("camera"), rate: at("rate"), status },
  {
    begun: (photo, canvas) => {
      stage.under(canvas);
      zoom.fit();
      usePicture(photo);
    },
    moved: (picture) => {
      chosen.photo = { ...chosen.photo, ...picture };
      send();
    },
    shown: (canvas) => stage.under(canvas),
    ended: () => usePicture({ ...chosen.photo }),
  },
);
const panel = new Adjust({ sliders: at("axes"), fine: at("fine"), reset: at("reset") }, (alpha) => {
  chosen.alpha = alpha;
  said = "";
  status.renew();
  idle.pause();
  session.set(alpha);
  remember();
});
const strokes = new Strokes(at("strokes"), () => {
  status.renew();
  chosen.detail = strokes.detail;
  open();
});
const comparison = compare({
  picture: at("picture"),
  hold: at("hold"),
  toggle: at("compare"),
  split: at("split"),
  isPainted: () => brush.canPaint,
});
const brush = new Brush({
  picture: at("picture"),
  tint: at("hole"),
  cursor: at("cursor"),
  tools: at("brush"),
  changed: () => {
    status.renew();
    chosen.photo.where = null; // another than was sent
    open();
  },
  aimed: (sentence) => status.say(sentence),
  isCovered: () => comparison.isOn,
});

const zoom = new Zoom({
  frame: at("picture").parentElement,
  picture: at("picture"),
  level: at("zoom"),
  isBusy: () => brush.canPaint || comparison.isOn,
});

const session = new Session({
  sending: () => live.isOn || status.say("Sending the photograph…"),
  preparing: ({ model }) => live.isOn || status.say(model ? "Warming up…" : "Reading the photograph…", 400),
  looked: async ({ photo }, { full: [width, height], notes }, image) => {
    Object.assign(photo, { size: { width, height }, notes, original: image });
    await show(photo);
    if (photo === chosen.photo) open();
  },
  ready: (wanted, answer) => {
    opened = { ...wanted, answer };
    enableSaves(true);
  },
  rendering: () => live.isOn || status.say("Rendering…", 400),
  frame: ({ exact, alpha }, image, isNewest) => {
    if (isNewest && Object.values(chosen.alpha).includes("auto")) {
      const found = chosen.model.axes.filter(({ id }) => chosen.alpha[id] === "auto");
      said = found.map(({ id, title }) => ` ${title}: ${written(gather(alpha[id]))}.`).join("");
      chosen.alpha = alpha;
      panel.place(alpha);
      remember();
    }
    frames.show(++came, image, exact);
  },
  refused: (sentence, refused) => {
    live.stop();
    status.fail(sentence);
    // One that was read stays, with what was painted on it, whatever a model has against it.
    const last = refused && refused.photo !== read && [read, opened?.photo].find((photo) => photo && photo !== refused.photo);
    if (!last) return;
    photos.forget(refused.photo);
    usePhoto(last);
  },
  lost: async (isRefused) => {
    const turn = ++losses;
    status.renew();
    const sentence = isRefused ? await whyNoSession() : null;
    if (turn !== losses) return; // it is back, or lost again
    if (sentence) status.fail(sentence);
    else status.say((away = "Connection lost. Reconnecting…"));
  },
  found: () => {
    losses++;
    away = "";
    status.renew();
    if (chosen.photo?.hole && chosen.lack) status.say(noted(chosen.lack)); // nothing is opened that would say more
  },
}, new URL(".", document.baseURI)); // and not where this file is

const enableSaves = saves(
  { save: at("save"), animation: at("animation"), sheet: at("sheet") },
  async () => ({
    size: savedSize(),
    model: chosen.model,
    alpha: chosen.alpha,
    name: takes("image") ? chosen.photo.name : "",
    fields: await chosen.fields(seeds.value.seeds, savedSize()), // last: what is read after it may have changed
  }),
  status,
);

/** The photograph's own size, once it is known, or as much of it as the model has room for. */
const savedSize = () => chosen.photo.size && largest(chosen.photo.size, chosen.model.max_pixels);

function describe() {
  const { width, height } = opened.answer;
  const size = savedSize();
  if (takes("seed")) {
    const { length } = seeds.value.locked;
    return length ? `Ready. Locked: ${length}.` : "Ready. Pick a picture to lock it.";
  }
  const live = `${width} × ${height}`;
  if (size.width <= width) return noted(`Ready.${said} ${live} pixels.`);
  return noted(`Ready.${said} Shown at ${live}, saved at ${size.width} × ${size.height}.`);
}

/** A sentence, and what else is to be known of the photograph. */
function noted(sentence) {
  return [sentence, ...(chosen.photo.notes ?? [])].join(" ");
}

function pickPhoto(photo) {
  const model = takes("image") ? chosen.model : models.first("image");
  if (model !== chosen.model && model) return pickModel(model, photo);
  status.renew();
  if (model) usePhoto(photo);
  else status.fail("No model here takes a photograph.");
}

async function usePhoto(photo) {
  live.stop();
  chosen.photo = photo;
  photo.area ??= new Hole();
  photos.check(photo);
  const isRead = Boolean(photo.hole);
  if (!isRead) open();
  await show(photo);
  if (isRead && photo === chosen.photo) open();
}

/** Draw a photograph: as the server read it or, until it has, as the browser does, if it can. */
async function show(photo) {
  const file = photo.original ?? photo.blob;
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (bitmap && photo === chosen.photo && file === (photo.original ?? photo.blob)) {
    stage.original(bitmap);
    zoom.fit();
    photos.draw(photo, at("original"));
    if (photo.original) photo.hole ??= new Hole(at("original"), photo.start);
  }
  bitmap?.close();
}

/** The same for one that is on the screen already. */
function usePicture(photo) {
  chosen.photo = photo;
  photos.check(photo);
  photos.draw(photo, at("original"));
  open();
}

/** Have the brush paint what the model takes, if it does. */
function takeBrush() {
  const { hole, area } = chosen.photo;
  at("brush").hidden = !takes("mask") && !paintsWhere();
  at("area").classList.toggle("set", Boolean(area) && !area.isEmpty);
  brush.active = !at("brush").hidden && Boolean(hole);
  if (hole) brush.begin(at("original"), takes("mask") ? hole : area);
}

/** What is easily taken for something else: at 0, an axis that goes below it shows what it shows in the middle. */
function explain({ title, range, ends }) {
  const [low, high] = ends.map((end, index) => `${range[index]} (${end})`.replace("-", "−"));
  return range[0] < 0 ? `${title} goes from ${low} to ${high}; 0 is in between, not off.` : "";
}

function useModel(model, alpha) {
  chosen.model = model;
  chosen.alpha = fit(model.axes, alpha);
  if (!panel.fine) chosen.alpha = whole(chosen.alpha); // as it was left, it may have been one for each insertion point
  models.check(model);
  for (const element of document.querySelectorAll("[data-for]")) element.hidden = !takes(element.dataset.for);
  at("camera").hidden = !chosen.canMove;
  at("title").textContent = at("after").textContent = model.title;
  at("description").textContent = `${model.description} ${explain(model.axes[0])}`.trim();
  panel.show(model, chosen.alpha);
  if (!chosen.canMove) live.stop();
}

function pickModel(model, photo = chosen.photo) {
  status.renew();
  leftAt.set(chosen.model.id, chosen.alpha);
  useModel(model, { ...leftAt.get(model.id), ...carry(chosen.model.axes, chosen.alpha, model.axes) });
  if (photo === chosen.photo) open();
  else usePhoto(photo);
}

function open() {
  remember();
  opening++; // what is under way is of something else
  said = "";
  frames.drop();
  idle.clear();
  films.clear();
  takeBrush();
  if (takes("image") && !chosen.photo.hole) {
    enableSaves(false);
    // It is opened then.
    session.look({ photo: chosen.photo, fields: { image: chosen.photo.blob, max_side: LIVE_SIDE, format: "jpeg", quality: 92 } });
    return;
  }
  if (takes("image")) read = chosen.photo;
  const { lack } = chosen;
  session.open(null, chosen.alpha);
  comparison.available(!lack);
  const lacked = at("picture").classList.contains("empty");
  at("picture").classList.toggle("unfilled", takes("mask"));
  at("picture").classList.toggle("empty", Boolean(lack));
  if (lack) {
    stage.blank();
    enableSaves(false);
    status.say(noted(lack));
    rest();
    return;
  }
  if (lacked || away) status.say(away || "Rendering…"); // and not what was said before
  send();
}

/** Nothing is rendered for now: make what small pictures lack. */
function rest() {
  idle.resume({ model: chosen.model, alpha: chosen.alpha, seed: seeds.value.seeds[0], photo: chosen.photo });
}

/** Have the server open what was chosen. */
async function send() {
  const turn = ++opening;
  const fields = {
    ...(await chosen.fields(seeds.value.seeds, at("original"))),
    ...(takes("max_side") && { max_side: LIVE_SIDE }),
    ...(takes("image") ? { format: "jpeg", quality: 85 } : { format: "png" }), // small ones are shown large
  };
  const wanted = { model: chosen.model.id, photo: chosen.photo, fields };
  if (turn === opening) session.open(wanted, chosen.alpha);
}

function remember() {
  address.write({
    model: chosen.model.id,
    ...(takes("image") && { photo: chosen.photo.id }),
    ...(takes("seed") && seeds.value),
    ...(takes("detail") && chosen.detail && { detail: chosen.detail }),
    alpha: chosen.alpha,
  });
}

at("brush").addEventListener("click", comparison.end);

at("area").addEventListener("click", () => {
  at("area").setAttribute("aria-pressed", !paintsWhere());
  comparison.end();
  takeBrush();
  if (paintsWhere()) status.say(chosen.photo.area.isEmpty ? "Paint where you want the effect. The rest stays as it was." : describe());
});

at("axes").addEventListener("refused", ({ detail }) => status.fail(detail));

at("reset").addEventListener("click", () => {
  const { area } = chosen.photo;
  if (!takes("where") || area.isEmpty) return;
  area.clear();
  chosen.photo.where = null; // another than was sent
  open();
});

at("renew").addEventListener("click", () => {
  status.renew();
  seeds.renew();
  open();
});

/** Show what the address asks for, and the first there is of what it does not say. */
async function restore() {
  const turn = ++restored;
  const asked = address.read();
  panel.fine = Object.values(asked.alpha).some(Array.isArray);
  seeds.value = fitSeeds(asked);
  strokes.detail = asked.detail;
  chosen.detail = strokes.detail;
  const { model, sentence } = models.get(asked.model);
  if (sentence) status.fail(sentence);
  useModel(model, asked.alpha);
  const photo = await photos.get(asked.photo);
  if (turn !== restored) return; // to another address, meanwhile
  if (asked.photo === "own" && photo.id !== "own") status.fail("The address does not keep your photograph. Please open it again.");
  await usePhoto(photo);
  delete document.body.dataset.loading;
}

try {
  models = new Models(at("models"), await list(), pickModel);
  at("keep").hidden = !models.first("image");
  addEventListener("hashchange", () => {
    status.renew();
    restore().catch((error) => status.fail(error.message));
  });
  await restore();
} catch (error) {
  document.body.dataset.loading = "failed";
  status.fail(error.message);
}
