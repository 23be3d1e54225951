/** The chat page: sends what the customer writes, shows what is said. */

import { LiveSocket, coalesced } from "./live.js";
import { Outbox } from "./outbox.js";
import { Session } from "./session.js";
import { Transcript, noteText } from "./transcript.js";

/** Messages that the server gives at once. */
const PAGE = 200;

class Chat {
  constructor(root) {
    this.root = root;
    this.session = new Session(root.dataset.channel);
    this.transcript = new Transcript(root);
    this.outbox = new Outbox(this.session, {
      url: root.dataset.sendUrl,
      key: root.dataset.key,
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
  }

  send(text) {
    const message = this.session.queue(text);
    this.transcript.put(message.id, shown(message), Infinity);
    this.hasOffer = false;
    this.showTyping();
    this.outbox.run();
  }

  showSending(id, state) {
    this.transcript.mark(id, state);
    if (state === null) this.accepted.add(id);
    this.showTyping();
  }

  /** What this tab kept of the conversation: notes, and messages on their way. */
  showKept() {
    for (const note of this.session.notes) this.showNote(note);
    for (const message of this.session.outbox) {
      this.transcript.put(message.id, shown(message), Infinity);
    }
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
    const answer = await this.fetchPage(session);
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

  async fetchPage(session) {
    const { readUrl, key } = this.root.dataset;
    try {
      const response = await fetch(`${readUrl}?after=${this.cursor}`, {
        headers: { "X-Channel-Key": key, "X-Session-Id": session },
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
    this.transcript.put(id, message, message.seq);
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
    if (data.status !== null && data.status !== status) {
      if (status === "support_active") this.addNote({ name: "handed_off" });
      else if (status === "closed") this.addNote({ name: "closed" });
      else if (data.status === "support_active") this.addNote({ name: "handed_back" });
      if (status !== "support_active") data.isRouted = false;
    }
    data.status = status;
    this.session.save();
  }

  /** Add a system note after everything that has been said; `name` or `text`. */
  addNote(note) {
    const at = new Date().toISOString();
    this.showNote(this.session.addNote({ ...note, at, key: this.cursor + 0.5 }));
  }

  showNote(note) {
    this.transcript.note(note.id, note.text ?? noteText(note.name), note.at, note.key);
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
    const element = this.root.querySelector("[data-chat-status]");
    const words = element.dataset;
    const status = this.session.data.status;
    const byStatus = { support_active: words.wordSupport, closed: words.wordClosed };
    const isOnline = this.socket === undefined || this.socket.failures < 2;
    element.textContent = isOnline ? (byStatus[status] ?? words.wordActive) : words.wordOffline;
    this.root.dataset.status = status ?? "active";
  }
}

function shown(message) {
  return { author: "contact", text: message.text, created_at: message.at };
}

function connectComposer(root, chat) {
  const form = root.querySelector("[data-composer]");
  const input = root.querySelector("[data-input]");
  const button = root.querySelector("[data-send]");
  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
    button.disabled = input.value.trim() === "";
  };
  input.addEventListener("input", grow);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === "") return;
    chat.send(text);
    input.value = "";
    grow();
    input.focus();
  });
  grow();
}

function connectButtons(root, chat) {
  root.addEventListener("click", (event) => {
    const suggestion = event.target.closest("[data-suggest]");
    if (suggestion) chat.send(suggestion.dataset.suggest);
    if (event.target.closest("[data-dismiss]")) chat.dismissOffer();
    if (event.target.closest("[data-retry]")) chat.outbox.retryNow();
    if (event.target.closest("[data-new-conversation]")) {
      chat.startAfresh();
      root.querySelector("[data-input]").focus();
    }
  });
}

const root = document.querySelector("[data-chat]");
const chat = new Chat(root);
connectComposer(root, chat);
connectButtons(root, chat);
// The toggle and the console share the page; they tell by events.
document.addEventListener("answerdesk:note", ({ detail }) => chat.addNote(detail));
