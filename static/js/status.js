// One line that says what is going on, in sentences; screen readers are told when it changes.

export class Status {
  #element;
  #timer;
  #failed = false;
  #working = 0;

  constructor(element) {
    this.#element = element;
  }

  /** Say something, at once or only if nothing else has been said `after` milliseconds from now. */
  say(text, after = 0) {
    if (this.#failed || this.#working) return;
    clearTimeout(this.#timer);
    if (after) this.#timer = setTimeout(() => this.#write(text), after);
    else this.#write(text);
  }

  /** Say what went wrong; it stays until the person does something next. */
  fail(text) {
    clearTimeout(this.#timer);
    this.#failed = true;
    this.#write(text);
  }

  /** The person did something: what went wrong before no longer matters. */
  renew() {
    this.#failed = false;
  }

  /** Say what is being done until it is, whatever else there is to say meanwhile. */
  async during(text, work) {
    this.say(text);
    this.#working++;
    try {
      return await work();
    } finally {
      this.#working--;
    }
  }

  #write(text) {
    this.#element.classList.toggle("failed", this.#failed);
    if (this.#element.textContent !== text) this.#element.textContent = text;
  }
}
