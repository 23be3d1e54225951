/** Thumbs under answers: pressed once, then thanks. */

import { copyOf } from "./templates.js";

/** It was rated before, in another tab say. */
const ALREADY_RATED = 409;

export class Ratings {
  /** `post(id, rating)` sends what was said of a message; null: it did not arrive. */
  constructor(root, post) {
    Object.assign(this, { root, post });
  }

  /** Put thumbs under an answer, pressed where it was rated. */
  show(item, rating) {
    let row = item.querySelector("[data-rating]");
    if (!row) {
      row = copyOf("rating", this.root);
      item.querySelector(".message-body").append(row);
    }
    if (rating) thank(row, rating);
  }

  async give(thumb) {
    const row = thumb.closest("[data-rating]");
    const rating = thumb.dataset.rate;
    disable(row, true);
    const status = await this.post(row.closest("[data-id]").dataset.id, rating);
    if (status === 200) thank(row, rating);
    else if (status === ALREADY_RATED) thank(row);
    else {
      disable(row, false);
      say(row, "wordFailed");
      thumb.focus();
      return;
    }
    // Disabling took the focus from whoever uses the keyboard.
    const focused = row.getRootNode().activeElement;
    if (!focused || focused === document.body) note(row).focus();
  }
}

const note = (row) => row.querySelector("[data-rating-note]");
const thumbs = (row) => row.querySelectorAll("[data-rate]");

function thank(row, rating) {
  disable(row, true);
  for (const each of thumbs(row)) {
    each.setAttribute("aria-pressed", String(each.dataset.rate === rating));
  }
  say(row, "wordThanks");
}

function disable(row, isDisabled) {
  for (const each of thumbs(row)) each.disabled = isDisabled;
}

/** Show a word of the page; the transcript is a live region, so it is read out. */
function say(row, word) {
  const element = note(row);
  if (element.textContent !== element.dataset[word]) {
    element.textContent = element.dataset[word];
  }
}
