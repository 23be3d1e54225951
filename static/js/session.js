/** What a chat keeps of its conversation: its id, its notes, what is not sent. */

export function makeId() {
  // `crypto.randomUUID` exists only on https and localhost.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Session {
  /** `newId` makes the id of each conversation. */
  constructor(newId = makeId) {
    this.newId = newId;
    this.begin();
  }

  /** Whoever knows this id reads the conversation, so nobody may guess it. */
  get id() {
    return this.data.id;
  }

  get notes() {
    return this.data.notes;
  }

  /** Messages that the server has not acknowledged, oldest first. */
  get outbox() {
    return this.data.outbox;
  }

  begin() {
    this.data = { id: this.newId(), notes: [], outbox: [], status: null };
    this.save();
  }

  /** Go on under the id that the server gave. */
  adopt(id) {
    this.data.id = id;
    this.save();
  }

  /** Remember a message that is to be sent; its id stays the same for each attempt. */
  queue(text) {
    const message = { id: makeId(), text, at: new Date().toISOString(), attempts: 0 };
    this.outbox.push(message);
    this.save();
    return message;
  }

  /** Take back all that is not sent yet; returns it. */
  withdraw() {
    const messages = this.outbox;
    this.data.outbox = [];
    this.save();
    return messages;
  }

  acknowledge(id) {
    this.data.outbox = this.outbox.filter((each) => each.id !== id);
    this.save();
  }

  addNote(note) {
    this.notes.push({ ...note, id: makeId() });
    this.save();
    return this.notes.at(-1);
  }

  /** Nothing outlives the page; see `KeptSession`. */
  save() {}
}
