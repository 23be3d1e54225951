/** What the chat page keeps over a reload: its session, its notes, what is not sent. */

function makeId() {
  // `crypto.randomUUID` exists only on https and localhost.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Session {
  constructor(channel) {
    this.name = `answerdesk.chat.${channel}`;
    this.restore();
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
    this.data = { id: makeId(), notes: [], outbox: [], status: null };
    this.save();
  }

  /** Remember a message that is to be sent; its id stays the same for each attempt. */
  queue(text) {
    const message = { id: makeId(), text, at: new Date().toISOString(), attempts: 0 };
    this.outbox.push(message);
    this.save();
    return message;
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

  save() {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(this.data));
    } catch {
      // A browser that keeps nothing still chats; a reload begins afresh.
    }
  }

  restore() {
    try {
      this.data = JSON.parse(sessionStorage.getItem(this.name));
    } catch {
      this.data = null;
    }
    if (!this.data?.id) this.begin();
  }
}
