/** The open conversation: its messages, its actions and the reply box. */

import { PartError, fetchPart } from "./fetching.js";
import { coalesced } from "./live.js";
import { showTimes } from "./time.js";

const NEAR_END = 120;

const draftName = (conversation) => `answerdesk.draft.${conversation}`;

/** What was written in a conversation but not sent; outlives signing in again. */
const draftOf = (conversation) => sessionStorage.getItem(draftName(conversation)) ?? "";

function keepDraft(conversation, text) {
  if (text) sessionStorage.setItem(draftName(conversation), text);
  else sessionStorage.removeItem(draftName(conversation));
}

/** Offer titles of entries that hold what was typed. */
async function suggestEntries(input) {
  const words = input.value;
  const url = `${input.dataset.entriesUrl}?q=${encodeURIComponent(words)}`;
  const part = await fetchPart(url).catch(() => null);
  if (part !== null && input.value === words) input.list.replaceChildren(...part.children);
}

export class ThreadPane {
  constructor(root, { onChange, onRead }) {
    this.root = root;
    this.pane = root.querySelector("[data-thread]");
    this.problem = root.querySelector("[data-problem]");
    Object.assign(this, { onChange, onRead });
    this.refresh = coalesced(() => this.readOnce());
    this.pane.addEventListener("submit", (event) => this.submit(event));
    this.pane.addEventListener("click", (event) => this.click(event));
    this.pane.addEventListener("keydown", (event) => this.key(event));
    this.pane.addEventListener("input", (event) => {
      if (event.target.matches("[data-entries-url]")) suggestEntries(event.target);
      this.grow();
      keepDraft(this.conversation, this.replyText.value);
    });
    document.addEventListener("visibilitychange", () => this.tellRead());
    this.pane.addEventListener("scroll", () => this.noticeScroll(), { capture: true, passive: true });
    this.resized = new ResizeObserver(() => this.isAtEnd && this.scroller && this.scrollToEnd());
    this.shown();
  }

  get scroller() {
    return this.pane.querySelector("[data-thread-scroll]");
  }

  /** The conversation that is shown now, or undefined. */
  get conversation() {
    return this.scroller?.dataset.conversation;
  }

  get replyText() {
    return this.pane.querySelector("[data-reply-text]");
  }

  open(conversation) {
    this.opening = this.load(conversation);
    return this.opening;
  }

  async load(conversation) {
    if (!conversation) {
      this.resized.disconnect();
      const empty = document.querySelector('template[data-template="thread-empty"]');
      this.pane.replaceChildren(empty.content.cloneNode(true));
      return;
    }
    const part = await this.get(`${this.root.dataset.url}${conversation}/thread/`);
    // Another one may have been opened while this one was read.
    if (part === null || this.root.dataset.open !== conversation) return;
    this.pane.replaceChildren(part);
    this.shown();
  }

  async focusReply() {
    await this.opening;
    this.replyText?.focus();
  }

  shown() {
    if (!this.conversation) return;
    showTimes(this.pane);
    this.replyText.value ||= draftOf(this.conversation);
    this.grow();
    this.resized.disconnect();
    this.resized.observe(this.scroller);
    this.scrollToEnd();
    this.tellRead();
  }

  noticeScroll() {
    if (!this.scroller) return;
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  scrollToEnd() {
    this.isAtEnd = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  async readOnce() {
    const { conversation } = this;
    if (!conversation) return;
    const part = await fetchPart(this.scroller.dataset.url).catch(() => null);
    if (part !== null && this.conversation === conversation) this.renew(part);
  }

  /** Put new regions in place of the old; the reply box and older messages stay. */
  renew(part) {
    const { isAtEnd } = this;
    for (const name of ["head", "escalations", "busy", "hint"]) this.replace(part, name);
    this.renewMessages(part.querySelector('[data-region="messages"]'));
    showTimes(this.pane);
    if (isAtEnd) this.scrollToEnd();
    this.tellRead();
  }

  replace(part, name) {
    const before = this.pane.querySelector(`[data-region="${name}"]`);
    const after = part.querySelector(`[data-region="${name}"]`);
    if (before.innerHTML === after.innerHTML) return;
    const focused = before.contains(document.activeElement) && document.activeElement.closest("form")?.action;
    before.replaceWith(after);
    if (focused) (after.querySelector(`form[action="${new URL(focused).pathname}"] button`) ?? this.pane).focus();
  }

  renewMessages(fresh) {
    const list = this.pane.querySelector('[data-region="messages"]');
    const known = new Map(
      [...list.querySelectorAll("[data-message]")].map((each) => [each.dataset.message, each]),
    );
    for (const message of fresh.querySelectorAll("[data-message]")) {
      showTimes(message);
      const before = known.get(message.dataset.message);
      if (!before) list.append(message);
      else if (before.className !== message.className || before.textContent !== message.textContent) {
        before.replaceWith(message);
      }
    }
  }

  async submit(event) {
    const form = event.target.closest("form");
    event.preventDefault();
    const isReply = form.matches("[data-reply]");
    const { conversation } = this;
    const button = form.querySelector("button");
    if (button.disabled) return;
    const body = new FormData(form);
    button.disabled = true;
    const part = await this.get(form.action, { method: "POST", body });
    button.disabled = false;
    if (part === null) return;
    if (isReply) {
      keepDraft(conversation, "");
      form.querySelector("textarea").value = "";
    }
    if (this.conversation === conversation) {
      this.renew(part);
      if (isReply) this.scrollToEnd();
    }
    this.grow();
    this.onChange();
  }

  /** A part of the page, or null with the problem shown. */
  async get(url, options) {
    this.problem.hidden = true;
    try {
      const part = await fetchPart(url, options);
      if (part !== null) return part;
    } catch (error) {
      if (!(error instanceof PartError)) throw error;
      this.complain(error.message);
      return null;
    }
    this.complain("");
    return null;
  }

  complain(words) {
    this.problem.textContent = words || this.problem.dataset.wordFailed;
    this.problem.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.problem.hidden = true), 6000);
  }

  async click(event) {
    const older = event.target.closest("[data-load-older]")?.closest("[data-older]");
    if (!older) return;
    const { scroller } = this;
    const part = await this.get(`${scroller.dataset.url}?before=${older.dataset.older}`);
    if (part === null || !older.isConnected) return;
    showTimes(part);
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    older.replaceWith(part);
    scroller.scrollTop = scroller.scrollHeight - fromEnd;
  }

  key(event) {
    if (event.target !== this.replyText || event.key !== "Enter") return;
    if (!(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  }

  grow() {
    const text = this.replyText;
    if (!text) return;
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 224)}px`;
  }

  /** Tell the server that somebody looks at what was said. */
  tellRead() {
    const { conversation } = this;
    const row = this.root.querySelector(`[data-row="${conversation}"]`);
    if (!conversation || document.hidden || !row?.querySelector("[data-badge]")) return;
    this.onRead(conversation);
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    fetch(this.scroller.dataset.readUrl, { method: "POST", headers: { "X-CSRFToken": token } }).catch(
      () => {}, // the badge comes back with the next change
    );
  }
}
