// One line that says what is going on, in sentences; screen readers are told when it changes.

export class Status {
  #element;
  #timer;
  #failed = false;

  constructor(element) {
    this.#element = element;
  }

  /** Say something, at once or only if nothing else has been said `after` milliseconds from now. */
  say(text, after = 0) {
    if (this.#failed) return;
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

  #write(text) {
    this.#element.classList.toggle("failed", this.#failed);
    if (this.#element.textContent !== text) this.#element.textContent = text;
  }
}
