/** The transcript of a chat: bubbles, notes, and the scroll position. */

import { percent } from "./percent.js";
import { copyOf, textOf } from "./templates.js";
import { showTime } from "./time.js";

const ICONS = { contact: "person", assistant: "spark", support: "headset", system: "alert" };
/** Sources that lend an answer less than this are not worth the customer's time. */
const LEAST = 0.05;
/** Pixels from the end within which a reader still counts as following along. */
const NEAR_END = 80;

/** What is more than plain text: **bold** words and addresses. */
const MARKS = /(\*\*[^*\n]+\*\*|https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?*])/;

/** Text with its bold words and links; nothing in it is read as HTML. */
export function fillText(element, text) {
  element.replaceChildren(...text.split(MARKS).map(marked));
}

function marked(piece) {
  if (piece.startsWith("**") && piece.length > 4) {
    const bold = document.createElement("b");
    bold.textContent = piece.slice(2, -2);
    return bold;
  }
  if (!/^https?:\/\//.test(piece)) return piece;
  const link = document.createElement("a");
  Object.assign(link, { href: piece, target: "_blank", rel: "noopener nofollow" });
  link.textContent = piece;
  return link;
}

export class Transcript {
  constructor(root) {
    this.root = root;
    this.lang = root.closest("[lang]").lang;
    this.scroller = root.querySelector("[data-transcript]");
    this.list = root.querySelector("[data-messages]");
    this.welcome = root.querySelector("[data-welcome]");
    this.typing = root.querySelector("[data-typing]");
    this.typingText = root.querySelector("[data-typing-text]");
    this.typingDots = root.querySelector("[data-typing-dots]");
    this.jump = root.querySelector("[data-jump]");
    this.isFollowing = true;
    this.scroller.addEventListener("scroll", () => this.noticeScroll(), { passive: true });
    this.jump.addEventListener("click", () => this.follow());
    new ResizeObserver(() => this.keepUp()).observe(this.scroller);
  }

  clear() {
    this.list.replaceChildren();
    this.welcome.hidden = false;
    this.setTyping(false);
    this.follow();
  }

  /** Show or renew a message; `key` says where it stands among the others. */
  put(id, message, key) {
    let item = this.find(id);
    const isNew = item === undefined;
    if (isNew) item = this.build(id, message);
    showTime(item.querySelector("time"), message.created_at, { lang: this.lang });
    item.querySelector(".message-state")?.remove();
    this.place(item, key);
    if (isNew && message.author === "contact" && key === Infinity) this.follow();
    return item;
  }

  /** Show one small line under a message: `sending`, `unsent` or `refused`; null: none. */
  mark(id, state) {
    const item = this.find(id);
    if (!item) return;
    item.querySelector(".message-state")?.remove();
    if (state) item.querySelector(".message-body").append(copyOf(state, this.root));
    this.keepUp();
  }

  /** Show a note of the system, by its `text` or by the `name` of one. */
  note({ id, name, text, at, key }) {
    const words = text ?? textOf(name, this.root);
    this.put(id, { author: "system", text: words, created_at: at }, key);
  }

  remove(id) {
    this.find(id)?.remove();
    this.welcome.hidden = this.list.childElementCount > 0;
  }

  setTyping(isTyping, text = "") {
    this.typing.hidden = !isTyping;
    this.typingDots.hidden = text !== "";
    this.typingText.hidden = text === "";
    if (text !== this.typingText.textContent) fillText(this.typingText, text);
    this.keepUp();
  }

  follow() {
    this.isFollowing = true;
    this.keepUp();
  }

  /** Have the focus here, where a button went away that had it. */
  catchFocus() {
    const focused = this.scroller.getRootNode().activeElement;
    const isLost = !focused || focused === document.body;
    if (isLost && document.activeElement === document.body) this.scroller.focus();
  }

  find(id) {
    return this.list.querySelector(`[data-id="${CSS.escape(id)}"]`) ?? undefined;
  }

  build(id, message) {
    const item = copyOf("message", this.root);
    const author = message.author;
    item.dataset.id = id;
    item.classList.add(`message-${author}`);
    item.querySelector(".avatar").classList.add(`avatar-${author}`);
    const icon = item.querySelector("[data-icon]");
    icon.setAttribute("href", `${icon.dataset.sprite}#${ICONS[author] ?? "person"}`);
    const name = item.querySelector(".message-author");
    name.textContent = name.getAttribute(`data-author-${author}`) ?? author;
    fillText(item.querySelector(".message-text"), message.text);
    if (author === "assistant" && message.reason === "answered") {
      item.querySelector(".message-body").append(this.grounds(message));
    }
    return item;
  }

  /** What an answer rests on: its confidence and its sources. */
  grounds(message) {
    const element = copyOf("grounds", this.root);
    const meter = element.querySelector(".confidence");
    if (message.confidence === null) meter.remove();
    else {
      meter.querySelector("meter").value = message.confidence;
      meter.querySelector("[data-percent]").textContent = percent(message.confidence, this.lang);
    }
    fillSources(element.querySelector("[data-sources]"), message.sources, this.lang);
    return element;
  }

  place(item, key) {
    item.dataset.key = key;
    this.welcome.hidden = true;
    let before = this.list.lastElementChild;
    while (before && (before === item || Number(before.dataset.key) > key)) {
      before = before.previousElementSibling;
    }
    const expected = before ? before.nextElementSibling : this.list.firstElementChild;
    const isNew = !item.isConnected;
    if (expected !== item) this.list.insertBefore(item, expected);
    this.keepUp({ hasNews: isNew });
  }

  noticeScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.isFollowing = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.isFollowing) this.jump.hidden = true;
  }

  /** Stay at the end, unless the reader has scrolled up: then only say so. */
  keepUp({ hasNews = false } = {}) {
    if (this.isFollowing) this.scroller.scrollTop = this.scroller.scrollHeight;
    if (this.isFollowing) this.jump.hidden = true;
    else if (hasNews) this.jump.hidden = false;
  }
}

function fillSources(element, [first, ...others], lang) {
  if (!first) {
    element.remove();
    return;
  }
  const rest = others.filter((each) => each.confidence >= LEAST);
  element.querySelector("[data-first-title]").textContent = first.title;
  element.querySelector("[data-first-percent]").textContent = percent(first.confidence ?? 0, lang);
  element.classList.toggle("is-single", rest.length === 0);
  if (rest.length) element.querySelector("[data-more]").textContent = `+${rest.length}`;
  for (const source of rest) {
    const row = document.createElement("li");
    const title = document.createElement("span");
    const sure = document.createElement("span");
    title.className = "source-title";
    title.textContent = source.title;
    sure.className = "source-percent";
    sure.textContent = percent(source.confidence ?? 0, lang);
    row.append(title, sure);
    element.querySelector("[data-rest]").append(row);
  }
}
