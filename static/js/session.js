// A live session over a WebSocket (docs/protocol.md): a photograph is looked at, what a model takes is opened once, then
// rendered for every α asked for. The server shows the newest α it was told, and waits with the next frame until this one was
// acknowledged.
// A lost connection is made again, and the session with it.
// It imports nothing and knows nothing of the page, so that other pages can use it.

const SILENT = Object.fromEntries(
  ["sending", "preparing", "looked", "ready", "rendering", "frame", "refused", "lost", "found"].map((name) => [name, () => {}]),
);
const WAITS = [500, 1000, 2000, 4000, 8000];
const TOO_LONG = 1009; // why a connection is closed
const TRIES = 3; // to send something, as a connection may be lost for other reasons

/** A frame: four bytes of length, big-endian, then that many bytes of JSON, then an image file. */
function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const image = new Blob([new Uint8Array(buffer, 4 + length)], { type: `image/${header.format}` });
  return { header, image };
}

export class Session {
  #on;
  #url;
  #socket = null;
  #attempts = 0;
  #wanted = null; // what to open: { model, fields }; or to look at, without a model
  #opened = null; // what the server has open
  #opening = null; // what it was asked to open and has not answered
  #sent = null; // the fields the server has, and need not be sent again
  #cut = 0; // how often the connection was lost before what is wanted was open
  #alpha = null; // the newest α
  #asked = true; // whether the server was asked for it
  #seq = 0;
  #first = 1; // frames of lower numbers are of something else

  /**
   * `on` holds: sending(), preparing(what) when all was sent, looked(what was looked at, header, image), ready(what
   * was opened, the server's answer), rendering(), frame(header, image, whether it is of the newest α), refused(sentence,
   * what could not be opened or looked at, or null), lost(whether it was refused), found() after that; what is left out
   * is not told. `base` is the address of the server's page, with `?key=` where it asks for one; where this file came
   * from, if left out.
   */
  constructor(on, base = new URL("../..", import.meta.url)) {
    this.#on = { ...SILENT, ...on };
    this.#url = new URL("ws", base);
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    this.#url.search = new URL(base).search;
    this.#connect();
    addEventListener("online", () => this.#socket ?? this.#connect());
  }

  /**
   * Open `{ model, fields }` and show it at α; or show nothing, for null. The model is an id; fields are those of `open`,
   * with files as blobs. Files that the server has are not sent again.
   */
  open(wanted, alpha) {
    this.#wanted = wanted;
    this.#cut = 0;
    this.#first = this.#seq + 1;
    this.set(alpha);
  }

  /** Have the server read the photograph of `{ fields }`, and say how it looks. */
  look(wanted) {
    if (this.#wanted?.fields.image === wanted.fields.image && !this.#wanted.model) return; // it is at that
    this.open(wanted, null);
  }

  /** Show what is open at α. */
  set(alpha) {
    this.#alpha = alpha;
    this.#asked = false;
    this.#advance();
  }

  #connect() {
    let isRefused = true;
    this.#socket = new WebSocket(this.#url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      isRefused = false;
      if (this.#attempts) this.#on.found();
      if (this.#cut >= TRIES) this.#refuse("The connection is lost whenever this is sent. It may be larger than the server takes.");
      this.#advance();
    };
    this.#socket.onmessage = ({ data }) => (typeof data === "string" ? this.#answer(JSON.parse(data)) : this.#frame(data));
    this.#socket.onclose = ({ code }) => this.#closed(isRefused, code);
  }

  #closed(isRefused, code) {
    if (this.#opening && this.#opening === this.#wanted) this.#cut += code === TOO_LONG ? TRIES : 1;
    this.#opened = this.#opening = this.#sent = null;
    this.#on.lost(isRefused);
    this.#socket = null;
    setTimeout(() => this.#socket ?? this.#connect(), WAITS[Math.min(this.#attempts++, WAITS.length - 1)]);
  }

  /** Tell the server what is wanted now, if it does not know. */
  #advance() {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#opening || !this.#wanted) return;
    if (this.#opened !== this.#wanted) this.#open();
    else if (this.#opened.model && !this.#asked) this.#ask();
  }

  #open() {
    const { model, fields } = this.#wanted;
    if (!model) this.#sent = null; // what is looked at comes alone
    const isFile = ([, value]) => value instanceof Blob;
    const files = Object.entries(fields).filter((field) => isFile(field) && this.#sent?.[field[0]] !== field[1]);
    const texts = Object.fromEntries(Object.entries(fields).filter((field) => !isFile(field)));
    const message = model
      ? { type: "open", model, reuse: this.#sent !== null, files: files.map(([name]) => name), ...texts }
      : { type: "look", ...texts };
    this.#opening = this.#wanted;
    this.#asked = false; // the server drops what it was asked for before
    this.#sent = { ...this.#sent, ...fields };
    this.#socket.send(JSON.stringify(message));
    for (const [, file] of files) this.#socket.send(file);
    if (files.some(([name]) => name === "image")) this.#on.sending();
    this.#watch(this.#opening);
  }

  /** Wait until what is to be opened has left; sockets do not say. */
  #watch(opening) {
    if (this.#opening !== opening) return;
    if (this.#socket.bufferedAmount) setTimeout(() => this.#watch(opening), 100);
    else if (this.#wanted === opening) this.#on.preparing(opening);
  }

  #ask() {
    this.#asked = true;
    this.#socket.send(JSON.stringify({ type: "alpha", seq: ++this.#seq, alpha: this.#alpha }));
    this.#on.rendering();
  }

  #answer(message) {
    if (message.type === "ready") this.#isOpen("ready", message);
    else if (!("seq" in message)) this.#refuseOpening(message.message);
    else if (message.seq === this.#seq) this.#on.refused(message.message, null);
    this.#advance();
  }

  #isOpen(how, ...answer) {
    this.#attempts = this.#cut = 0;
    [this.#opened, this.#opening] = [this.#opening, null];
    if (this.#opened === this.#wanted) this.#on[how](this.#opened, ...answer);
  }

  #refuseOpening(sentence) {
    const refused = this.#opening;
    this.#opened = this.#opening = this.#sent = null;
    if (this.#wanted === refused) this.#refuse(sentence); // else something else is wanted by now
  }

  #refuse(sentence) {
    const refused = this.#wanted;
    this.#wanted = null;
    this.#on.refused(sentence, refused);
  }

  #frame(data) {
    const { header, image } = unpack(data);
    if (header.original) {
      this.#isOpen("looked", header, image);
      return this.#advance();
    }
    this.#socket.send(JSON.stringify({ type: "ack", frame: header.frame }));
    const isNewest = this.#asked && header.seq === this.#seq;
    if (header.seq >= this.#first) this.#on.frame(header, image, isNewest);
  }
}
