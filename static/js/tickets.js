/** The question whether to create a support ticket, and what comes of it. */

import { copyOf, textOf } from "./templates.js";

export class Tickets {
  /** `say(text)` shows words of the assistant. */
  constructor(root, say) {
    Object.assign(this, { root, say });
    /** What was offered, by the message with the buttons. */
    this.offers = new WeakMap();
  }

  /**
   * Put the two buttons under a message.
   *
   * `record()` logs that an answer failed, `create(id)` and `decline(id)` tell what the
   * customer chose; each resolves to the API's answer. `failure` is the first log's id,
   * or null. `values` are for the words of the confirmation.
   */
  offer(item, offer) {
    item.querySelector(".message-body").append(copyOf("choices", this.root));
    this.offers.set(item, offer);
  }

  async accept(button) {
    const { row, item, offer } = this.chosen(button);
    disable(row, true);
    note(row).textContent = note(row).dataset.wordCreating;
    offer.failure ??= failureOf(await offer.record());
    const { status, body } = offer.failure ? await offer.create(offer.failure) : {};
    if (status !== 200) {
      disable(row, false);
      note(row).textContent = note(row).dataset.wordFailed;
      button.focus();
      return;
    }
    this.end(row, item);
    const number = body.ticket_id ?? body.id;
    this.say(body.message ?? textOf("ticket", this.root, { ...offer.values, number }));
  }

  decline(button) {
    const { row, item, offer } = this.chosen(button);
    this.end(row, item);
    this.say(textOf("declined", this.root));
    if (offer.failure) offer.decline(offer.failure);
  }

  chosen(button) {
    const item = button.closest("[data-id]");
    return { item, row: button.closest("[data-choices]"), offer: this.offers.get(item) };
  }

  end(row, item) {
    row.remove();
    this.offers.delete(item);
  }
}

/** The id under which a failure was recorded; null: it could not be. */
export function failureOf({ status, body }) {
  return status === 200 ? (body.failure_id ?? body.id) : null;
}

const note = (row) => row.querySelector("[data-choices-note]");

function disable(row, isDisabled) {
  for (const each of row.querySelectorAll("button")) each.disabled = isDisabled;
}
