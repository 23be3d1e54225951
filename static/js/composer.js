/** Where one writes: grows with the words, Enter sends, Shift+Enter begins a line. */

const MOST_HEIGHT_PX = 160;

export class Composer {
  constructor(root, onSend) {
    this.form = root.querySelector("[data-composer]");
    this.input = root.querySelector("[data-input]");
    this.button = root.querySelector("[data-send]");
    this.onSend = onSend;
    this.isBlocked = false;
    this.input.addEventListener("input", () => this.fit());
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.fit();
  }

  press(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.input.value.trim();
    if (text === "" || this.isBlocked) return;
    this.input.value = "";
    this.onSend(text);
    this.fit();
    this.focus();
  }

  /** Keep words that could not be sent, before those that were written since. */
  giveBack(text) {
    this.input.value = [text, this.input.value].filter(Boolean).join("\n");
    this.fit();
  }

  /** Words may be written, but not be sent. */
  block(isBlocked) {
    this.isBlocked = isBlocked;
    this.fit();
  }

  /** Be as high as the words; nothing can be measured while it is hidden. */
  fit() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, MOST_HEIGHT_PX)}px`;
    this.button.disabled = this.isBlocked || this.input.value.trim() === "";
  }

  focus() {
    this.fit();
    this.input.focus();
  }
}
