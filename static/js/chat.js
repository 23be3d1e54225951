/** The chat page: sends what the customer writes, shows what is said, as it is said. */

import { KeptSession } from "./kept-session.js";
import { LiveSocket, coalesced } from "./live.js";
import { Outbox, outcomeOf } from "./outbox.js";
import { Panel, turnoverNote } from "./panel.js";

/** Messages that the server gives at once. */
const PAGE = 200;

class Chat {
  constructor(root) {
    this.root = root;
    this.session = new KeptSession(root.dataset.channel);
    this.panel = new Panel(root, {
      onSend: (text) => this.send(text),
      postRating: (id, rating) => this.rate(id, rating),
      actions: {
        dismiss: () => this.dismissOffer(),
        retry: () => this.outbox.retryNow(),
        "new-conversation": () => this.startAfresh(),
      },
    });
    this.transcript = this.panel.transcript;
    this.outbox = new Outbox(this.session, {
      post: (message) => this.post(message),
      onState: (id, state) => this.showSending(id, state),
    });
    this.read = coalesced(() => this.readOnce());
    this.forget();
    this.showKept();
    this.watch();
    this.outbox.run();
  }

  /** Know nothing of the conversation, as before the first read. */
  forget() {
    this.cursor = 0;
    this.epoch = 0;
    this.isWaiting = false;
    this.hasOffer = false;
    this.dismissed = 0;
    /** Messages that are stored but not read back yet. */
    this.accepted = new Set();
    this.written = "";
  }

  startAfresh() {
    this.outbox.stop();
    this.session.begin();
    this.transcript.clear();
    this.forget();
    this.showStatus();
    this.watch();
    this.panel.composer.focus();
  }

  send(text) {
    this.panel.putWritten(this.session.queue(text));
    this.hasOffer = false;
    this.showTyping();
    this.outbox.run();
  }

  async post(message) {
    const { id: session_id } = this.session;
    const body = { session_id, message_id: message.id, text: message.text };
    return outcomeOf(await this.call(this.root.dataset.sendUrl, body));
  }

  rate(id, feedback_type) {
    return this.call(`${this.root.dataset.readUrl}/${id}/feedback`, { feedback_type });
  }

  /** The status of the answer, or null when there was none. */
  async call(url, body) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...this.headers, "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(15000),
      });
      return response.status;
    } catch {
      return null;
    }
  }

  get headers() {
    return { "X-Channel-Key": this.root.dataset.key, "X-Session-Id": this.session.id };
  }

  showSending(id, state) {
    this.panel.mark(id, state);
    if (state === "stored") this.accepted.add(id);
    this.showTyping();
  }

  /** What this tab kept of the conversation: notes, and messages on their way. */
  showKept() {
    for (const note of this.session.notes) this.transcript.note(note);
    for (const message of this.session.outbox) this.panel.putWritten(message);
    this.showStatus();
  }

  watch() {
    this.socket?.close();
    const { channel, key } = this.root.dataset;
    this.socket = new LiveSocket(`/ws/chat/${channel}/`, {
      hello: { key, session_id: this.session.id },
      onEvent: (event) => this.take(event),
      onGap: () => this.read(),
      onState: () => this.showStatus(),
    });
    this.read();
  }

  take(event) {
    if (event.epoch < this.epoch) return;
    if (event.type === "turn.text") {
      this.written = event.text;
      this.showTyping();
    } else if (event.type === "conversation.changed") {
      // Words of an epoch that has passed are void.
      if (event.epoch > this.epoch) this.written = "";
      this.epoch = event.epoch;
      this.read();
    }
  }

  async readOnce() {
    const session = this.session.id;
    const answer = await this.fetchPage();
    if (answer === null || session !== this.session.id) return;
    if (answer.epoch > this.epoch) this.written = "";
    this.epoch = Math.max(this.epoch, answer.epoch);
    this.isWaiting = answer.is_waiting;
    this.hasOffer = answer.has_offer;
    for (const message of answer.messages) this.show(message);
    this.noteTurnover(answer);
    this.showStatus();
    this.showTyping();
    if (answer.messages.length === PAGE) await this.readOnce();
  }

  async fetchPage() {
    try {
      const response = await fetch(`${this.root.dataset.readUrl}?after=${this.cursor}`, {
        headers: this.headers,
        cache: "no-store",
      });
      return response.ok ? await response.json() : null;
    } catch {
      return null; // no network; the next look tries again
    }
  }

  show(message) {
    const isMine = message.author === "contact";
    const id = (isMine && message.message_id) || message.id;
    const item = this.transcript.put(id, message, message.seq);
    if (isAnswer(message)) this.panel.ratings.show(item, message.feedback_type);
    this.transcript.keepUp();
    this.cursor = Math.max(this.cursor, message.seq);
    if (isMine) {
      this.accepted.delete(id);
      this.session.acknowledge(id);
      this.noteRouting(message);
    } else if (message.author === "assistant") this.written = "";
    // Whom a person has answered needs not be told that people read it.
    else if (message.author === "support") this.session.data.isRouted = true;
  }

  /** Say once per stretch that people have what the customer writes. */
  noteRouting(message) {
    const data = this.session.data;
    const wasTheirs = data.status === "support_active" || data.status === null;
    if (message.state !== "handed_over" || data.isRouted || !wasTheirs) return;
    data.isRouted = true;
    this.addNote({ name: "routed" });
  }

  noteTurnover({ status, seq }) {
    const data = this.session.data;
    if (seq === 0) return;
    const name = turnoverNote(data.status, status);
    if (name) this.addNote({ name });
    if (status !== "support_active") data.isRouted = false;
    data.status = status;
    this.session.save();
  }

  /** Add a system note after everything that has been said; `name` or `text`. */
  addNote(note) {
    const at = new Date().toISOString();
    this.transcript.note(this.session.addNote({ ...note, at, key: this.cursor + 0.5 }));
  }

  showTyping() {
    const isTheirs = this.session.data.status === "support_active";
    const isBusy = this.isWaiting || this.accepted.size > 0;
    if (!isBusy) this.written = "";
    this.transcript.setTyping(isBusy && !isTheirs, this.written);
    const isOpen = this.hasOffer && this.cursor > this.dismissed;
    this.root.querySelector("[data-offer]").hidden = !isOpen || isBusy || isTheirs;
  }

  /** No person is wanted: the assistant's offer needs no answer. */
  dismissOffer() {
    this.dismissed = this.cursor;
    this.showTyping();
  }

  showStatus() {
    const isOnline = this.socket === undefined || this.socket.failures < 2;
    this.panel.showStatus(this.session.data.status, isOnline);
  }
}

/** Whether the assistant answered from the knowledge. */
function isAnswer({ author, reason, sources }) {
  return author === "assistant" && reason === "answered" && sources.length > 0;
}

const chat = new Chat(document.querySelector("[data-chat]"));
// The toggle and the console share the page; they tell by events.
document.addEventListener("answerdesk:note", ({ detail }) => chat.addNote(detail));
