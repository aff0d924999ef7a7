// A part of a picture that was painted, a hole or where the result is seen: marks that are made one after the other, so
// that each can be undone and all can be drawn at any size. Places are in parts of the picture's width and height, the
// width of a stroke in parts of its shorter side.

const FEW = 256; // pixels a side are enough to see whether there is anything at all

const erase = (context) => context.clearRect(0, 0, context.canvas.width, context.canvas.height);

/** A line with round ends, or a dot. */
function line({ width, points, erases = false }, context) {
  const { canvas } = context;
  const at = ([x, y]) => [x * canvas.width, y * canvas.height];
  const [lastX, lastY] = at(points.at(-1));
  context.globalCompositeOperation = erases ? "destination-out" : "source-over";
  context.lineWidth = width * Math.min(canvas.width, canvas.height);
  context.beginPath();
  for (const point of points) context.lineTo(...at(point));
  context.lineTo(lastX + 0.01, lastY); // a line of no length is not drawn
  context.stroke();
}

function copied(canvas) {
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

/** Where a picture is transparent. */
function lack(picture, context) {
  const { width, height } = context.canvas;
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "destination-out";
  context.drawImage(picture, 0, 0, width, height);
}

/** The stroke of a text such as "0.1 0.4,0.5 0.6,0.5": how wide, then from point to point. */
function parse(text) {
  const [[width], ...points] = text.split(" ").map((part) => part.split(",").map(Number));
  return { width, points };
}

/** Whether the opacity of any pixel suits, of what `draw(context)` draws. */
function some(draw, suits) {
  const context = new OffscreenCanvas(FEW, FEW).getContext("2d");
  draw(context);
  return context.getImageData(0, 0, FEW, FEW).data.some((value, index) => index % 4 === 3 && suits(value));
}

export class Hole {
  #marks = [];

  /** A part that begins as what a picture, a canvas, lacks, and as the stroke of a text, if there are any. */
  constructor(picture, text) {
    const transparent = picture && some((context) => context.drawImage(picture, 0, 0, FEW, FEW), (opacity) => opacity < 128);
    if (transparent) {
      const kept = copied(picture); // the canvas will show others
      this.#marks.push((context) => lack(kept, context));
    }
    if (text) this.add(parse(text));
  }

  get canUndo() {
    return this.#marks.length > 0;
  }

  get isEmpty() {
    return !some((context) => this.draw(context), (opacity) => opacity > 127);
  }

  /** Add a stroke `{ width, points, erases }`, whose points may still become more. */
  add(stroke) {
    this.#marks.push((context) => line(stroke, context));
  }

  /** Fill the hole up. */
  clear() {
    this.#marks.push(erase);
  }

  undo() {
    this.#marks.pop();
  }

  /** Draw the hole in white on a canvas's context, on nothing. */
  draw(context) {
    context.save();
    erase(context);
    Object.assign(context, { fillStyle: "#fff", strokeStyle: "#fff", lineCap: "round", lineJoin: "round" });
    for (const mark of this.#marks) {
      context.globalCompositeOperation = "source-over";
      mark(context);
    }
    context.restore();
  }

  /** A PNG file of a size, white where was painted and of a colour elsewhere. */
  async file({ width, height }, elsewhere = "#000") {
    const context = new OffscreenCanvas(width, height).getContext("2d");
    this.draw(context);
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = elsewhere;
    context.fillRect(0, 0, width, height);
    return context.canvas.convertToBlob({ type: "image/png" });
  }
}
