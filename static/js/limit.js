/** The query limit: what is said of it, and that nothing is sent until it has passed. */

import { textOf } from "./templates.js";

const SHOW_MS = 1000;
/** Where the server does not say how long it takes. */
const DEFAULT_S = 60;

export class Limit {
  constructor(root, composer) {
    Object.assign(this, { root, composer });
    this.line = root.querySelector("[data-limit]");
    this.inMinutes = new Intl.RelativeTimeFormat(root.closest("[lang]").lang);
    this.endsAt = 0;
  }

  get isReached() {
    return Date.now() < this.endsAt;
  }

  set(seconds) {
    this.endsAt = Date.now() + 1000 * (Number(seconds) || DEFAULT_S);
    this.timer ??= setInterval(() => this.show(), SHOW_MS);
    this.show();
  }

  show() {
    const { isReached } = this;
    this.composer.block(isReached);
    this.line.hidden = !isReached;
    if (!isReached) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    const minutes = Math.ceil((this.endsAt - Date.now()) / 60000);
    const words = textOf("limited", this.root, {
      in_minutes: this.inMinutes.format(minutes, "minute"),
    });
    if (this.line.textContent !== words) this.line.textContent = words;
  }
}
