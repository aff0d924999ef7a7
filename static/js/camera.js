// A camera: one picture after the other, each taken when the last was shown, until it is stopped, the page is hidden or
// the camera goes away.

const LONGER = 512; // longer side of a picture, in pixels

const WHY = {
  NotAllowedError: "The camera is blocked. Allow it next to the address bar and try again.",
  NotFoundError: "No camera was found.",
};

async function stream() {
  if (!navigator.mediaDevices) throw new Error("The camera works only over https, or on the server's own machine.");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
  } catch ({ name }) {
    throw new Error(WHY[name] ?? "The camera cannot be used. Close other programs that are using it and try again.");
  }
}

export class Camera {
  isOn = false;
  canvas = new OffscreenCanvas(1, 1); // what was taken last
  #on;
  #video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
  #turn = 0; // counts starts and stops
  #waiting = null; // the picture file that was taken last and has not been shown

  /** `on` holds: taken(picture file, its size), stopped(). */
  constructor(on) {
    this.#on = on;
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  /** Ask for the camera and begin; an Error says in a sentence why not. */
  async start() {
    const turn = ++this.#turn;
    const given = await stream();
    if (turn !== this.#turn || document.hidden) return letGo(given); // it is not wanted any more
    given.getVideoTracks()[0].addEventListener("ended", () => turn === this.#turn && this.stop());
    this.isOn = true;
    this.#video.srcObject = given;
    this.#video.addEventListener("loadeddata", () => turn === this.#turn && this.#take(), { once: true });
    this.#video.play().catch(() => {}); // it was stopped before it began
  }

  stop() {
    this.#turn++;
    if (!this.isOn) return;
    this.isOn = false;
    this.#waiting = null;
    letGo(this.#video.srcObject);
    this.#video.srcObject = null;
    this.#on.stopped();
  }

  /** A picture file is on the screen. Whether it is the one that was waited for; the next is then taken. */
  shown(file) {
    if (!this.isOn || file !== this.#waiting) return false;
    this.#waiting = null;
    setTimeout(() => this.#take(), 0); // who asks may look at the canvas first
    return true;
  }

  /** As in a mirror, which is how people expect to see themselves. */
  async #take() {
    const turn = this.#turn;
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, LONGER / Math.max(videoWidth, videoHeight));
    const size = { width: Math.round(videoWidth * scale), height: Math.round(videoHeight * scale) };
    Object.assign(this.canvas, size);
    const context = this.canvas.getContext("2d");
    context.setTransform(-1, 0, 0, 1, size.width, 0);
    context.drawImage(this.#video, 0, 0, size.width, size.height);
    const file = await this.canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    if (turn !== this.#turn) return;
    this.#waiting = file;
    this.#on.taken(file, size);
  }
}

function letGo(stream) {
  for (const track of stream.getTracks()) track.stop();
}
