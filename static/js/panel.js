/** The chat's panel, on our page and in the widget: what is said, and where one writes. */

import { Composer } from "./composer.js";
import { Ratings } from "./rating.js";
import { Transcript } from "./transcript.js";

/** How a message looks before the server knows of it. */
const written = ({ text, at }) => ({ author: "contact", text, created_at: at });

export class Panel {
  /**
   * `onSend(text)` gets what is written, `postRating(id, rating)` what is thought of an
   * answer. `actions` are called by the `data-` attribute of the button that was pressed.
   */
  constructor(root, { onSend, postRating, actions }) {
    this.root = root;
    this.transcript = new Transcript(root);
    this.composer = new Composer(root, onSend);
    this.ratings = new Ratings(root, postRating);
    this.statusLine = root.querySelector("[data-chat-status]");
    const all = {
      suggest: (button) => onSend(button.dataset.suggest),
      rate: (button) => this.ratings.give(button),
      ...actions,
    };
    root.addEventListener("click", (event) => {
      for (const [name, act] of Object.entries(all)) {
        const button = event.target.closest(`[data-${name}]`);
        if (button) act(button);
      }
    });
  }

  /** Show a message that is on its way, after everything that has been said. */
  putWritten(message) {
    this.transcript.put(message.id, written(message), Infinity);
  }

  /** Say under a message what became of it; `stored` needs no word. */
  mark(id, state) {
    this.transcript.mark(id, state === "stored" ? null : state);
  }

  /** Say in the head who replies: `active`, `support_active`, `closed` or `offline`. */
  showStatus(status, isOnline) {
    const words = this.statusLine.dataset;
    const byStatus = { support_active: words.wordSupport, closed: words.wordClosed };
    const word = isOnline ? (byStatus[status] ?? words.wordActive) : words.wordOffline;
    if (this.statusLine.textContent !== word) this.statusLine.textContent = word;
    this.root.dataset.status = status ?? "active";
  }
}

/** The name of the note that tells of a new status; undefined: there is nothing to tell. */
export function turnoverNote(before, now) {
  if (before === null || before === now) return undefined;
  if (now === "support_active") return "handed_off";
  if (now === "closed") return "closed";
  return before === "support_active" ? "handed_back" : undefined;
}
