/** The widget's chat: one question, one answer, over the chat API of CRMs. */

import { makeSessionId } from "./crm-api.js";
import { Limit } from "./limit.js";
import { coalesced } from "./live.js";
import { Outbox, outcomeOf } from "./outbox.js";
import { Panel, turnoverNote } from "./panel.js";
import { Session, makeId } from "./session.js";
import { Tickets, failureOf } from "./tickets.js";

/** How often to look for what people said: while they reply, and else. */
const LOOK_MS = 4000;
const REST_MS = 20000;
const RATE_LIMITED = 429;

export class CrmChat {
  /** `onNews()` hears that somebody said something without having been asked. */
  constructor(root, api, { onNews }) {
    Object.assign(this, { root, api, onNews });
    this.session = new Session(() => makeSessionId(api.agentType));
    this.tickets = new Tickets(root, (text) => this.confirm(text));
    this.panel = new Panel(root, {
      onSend: (text) => this.send(text),
      postRating: (id, rating) => this.rate(id, rating),
      actions: {
        retry: () => this.outbox.retryNow(),
        "ticket-yes": (button) => this.tickets.accept(button),
        "ticket-no": (button) => this.tickets.decline(button),
      },
    });
    this.transcript = this.panel.transcript;
    this.limit = new Limit(root, this.panel.composer);
    this.outbox = new Outbox(this.session, {
      post: (message) => this.post(message),
      onState: (id, state) => this.showSending(id, state),
    });
    this.look = coalesced(() => this.lookOnce());
    setInterval(() => this.tick(), LOOK_MS);
    for (const name of ["online", "offline"]) addEventListener(name, () => this.showStatus());
    this.forget();
  }

  /** Know nothing of the conversation, as before the first message. */
  forget() {
    this.cursor = 0;
    this.lookedAt = 0;
    this.isAsking = false;
    /** All that was said, as a ticket wants it. */
    this.history = [];
    /** Answers by the id of their message, with the question. */
    this.answers = new Map();
    /** Messages that came as answers, and so need not be shown when they are read. */
    this.known = new Set();
    this.showStatus();
  }

  startAfresh() {
    this.outbox.stop();
    this.session.begin();
    this.transcript.clear();
    this.forget();
  }

  send(text) {
    if (this.limit.isReached) return;
    const message = this.session.queue(text);
    this.panel.putWritten(message);
    this.outbox.run();
  }

  /** Ask one question; what came of it is shown before the outbox goes on. */
  async post(message) {
    const begun = this.session.data;
    this.setAsking(true);
    const { status, body } = await this.api.ask(this.person, this.session.id, message);
    if (begun !== this.session.data) return "withdrawn";
    this.setAsking(false);
    if (status === RATE_LIMITED) return this.stop(body);
    if (status === 200) await this.take(message, body);
    return outcomeOf(status);
  }

  /** Give the words back that may not be sent now. */
  stop({ detail }) {
    this.limit.set(detail?.reset_in_seconds);
    const messages = this.session.withdraw();
    for (const { id } of messages) this.transcript.remove(id);
    this.panel.composer.giveBack(messages.map(({ text }) => text).join("\n"));
    return "withdrawn";
  }

  async take({ text: query, at }, body) {
    this.session.adopt(body.session_id);
    this.known.add(body.message_id);
    this.remember("user", query, at);
    const answer = {
      query,
      text: body.response,
      confidence: body.classification_confidence,
      sources: body.sources ?? [],
    };
    if (body.requires_escalation) await this.escalate(answer, body);
    else this.showAnswer(body.message_id ?? makeId(), answer, body.timestamp);
    this.look();
  }

  showAnswer(id, answer, at) {
    const confidence = answer.sources.length ? answer.confidence : null;
    const said = { ...answer, author: "assistant", reason: "answered", confidence, created_at: at };
    const item = this.transcript.put(id, said, Infinity);
    this.answers.set(id, answer);
    this.panel.ratings.show(item);
    this.remember("assistant", answer.text, at);
  }

  /** Record that a person was needed; offer a ticket unless people reply already. */
  async escalate(answer, { message_id, response, timestamp }) {
    const begun = this.session.data;
    const isTheirs = () => begun.status === "support_active";
    const record = () => this.api.recordFailure(this.person, begun.id, answer);
    const recording = record();
    // Where nobody replied, people have it, and that was said when they took over.
    if (isTheirs() && !message_id) return;
    const item = this.say(response, { id: message_id, at: timestamp });
    const [failure] = await Promise.all([recording.then(failureOf), this.look()]);
    if (begun !== this.session.data || isTheirs()) return;
    this.tickets.offer(item, {
      failure,
      record,
      create: (id) => this.api.createTicket(id, this.history),
      decline: (id) => this.api.decline(id),
      values: { name: firstName(this.person), email: this.person.email },
    });
    this.transcript.keepUp();
  }

  /** Show words of the assistant that are no answer from the knowledge. */
  say(text, { id, at = new Date().toISOString() } = {}) {
    this.remember("assistant", text, at);
    const message = { author: "assistant", text, created_at: at };
    return this.transcript.put(id || makeId(), message, Infinity);
  }

  /** Answer the press of a button that is gone now. */
  confirm(text) {
    this.say(text);
    this.transcript.catchFocus();
  }

  remember(role, content, timestamp) {
    this.history.push({ role, content, timestamp });
  }

  async rate(id, rating) {
    const answer = this.answers.get(id);
    const { status } = await this.api.rate(this.person, this.session.id, { id, rating, answer });
    return status;
  }

  tick() {
    const pause = this.session.data.status === "support_active" ? LOOK_MS : REST_MS;
    const isDue = Date.now() - this.lookedAt >= pause - LOOK_MS / 2;
    if (isDue && this.history.length && !document.hidden) this.look();
  }

  /** What was said meanwhile; answers that came with their questions are known. */
  async lookOnce() {
    const begun = this.session.data;
    const { readUrl } = this.root.dataset;
    this.lookedAt = Date.now();
    const { status, body } = await this.api.read(readUrl, this.person, begun.id, this.cursor);
    if (status !== 200 || this.isAsking || begun !== this.session.data) return;
    for (const message of body.messages) this.show(message);
    this.noteTurnover(body);
  }

  show(message) {
    this.cursor = Math.max(this.cursor, message.seq);
    if (message.author === "contact" || this.known.has(message.id)) return;
    this.transcript.put(message.id, { ...message, reason: "" }, Infinity);
    this.remember("assistant", message.text, message.created_at);
    this.onNews();
  }

  noteTurnover({ status, seq }) {
    if (seq === 0) return;
    const name = turnoverNote(this.session.data.status ?? "active", status);
    const at = new Date().toISOString();
    if (name) this.transcript.note(this.session.addNote({ name, at, key: Infinity }));
    this.session.data.status = status;
    this.showStatus();
  }

  setAsking(isAsking) {
    this.isAsking = isAsking;
    const isTheirs = this.session.data.status === "support_active";
    this.transcript.setTyping(isAsking && !isTheirs);
  }

  /** The dots say that it is being sent. */
  showSending(id, state) {
    if (state !== "sending") this.panel.mark(id, state);
  }

  showStatus() {
    this.panel.showStatus(this.session.data.status, navigator.onLine);
  }
}

/** How the assistant calls somebody. */
export function firstName({ name }) {
  return name.trim().split(/\s+/)[0];
}
