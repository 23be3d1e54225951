/** The "Human" toggle and the agent console beside the chat. */

import { copyOf } from "./templates.js";
import { showTime } from "./time.js";

const POLL_MS = 2000;

async function call(url, body) {
  const response = await fetch(url, {
    method: body ? "POST" : "GET",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
    cache: "no-store",
  });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

const addNote = (text) =>
  document.dispatchEvent(new CustomEvent("answerdesk:note", { detail: { text } }));

class HumanToggle {
  constructor(root) {
    this.root = root;
    this.button = root.querySelector("[data-human-toggle]");
    this.button.addEventListener("click", () => this.toggle());
    setInterval(() => document.hidden || this.refresh(), 5 * POLL_MS);
  }

  get isOn() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  async toggle() {
    const words = this.root.dataset;
    this.button.disabled = true;
    try {
      const answer = await call(words.url, { enabled: !this.isOn });
      this.show(answer.human_mode);
      addNote(answer.human_mode ? words.noteOn : words.noteOff);
    } catch {
      addNote(words.noteFailed);
    } finally {
      this.button.disabled = false;
    }
  }

  /** Somebody else may have toggled it. */
  async refresh() {
    try {
      const answer = await call(this.root.dataset.statusUrl);
      if (!this.button.disabled) this.show(answer.human_mode);
    } catch {
      // The next look tells.
    }
  }

  show(isOn) {
    const { wordOn, wordOff } = this.root.dataset;
    const dot = this.root.querySelector("[data-human-dot]");
    this.button.setAttribute("aria-pressed", String(isOn));
    this.root.querySelector("[data-human-word]").textContent = isOn ? wordOn : wordOff;
    dot.classList.toggle("dot-on", isOn);
    dot.classList.toggle("dot-off", !isOn);
  }
}

class AgentConsole {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`[data-${name}]`);
    this.isConnected = false;
    /** Conversation by user id, of the entries that are shown. */
    this.conversations = new Map();
    this.find("connect").addEventListener("click", () => this.connect());
    this.find("console-form").addEventListener("submit", (event) => this.reply(event));
    this.find("console-text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.find("console-form").requestSubmit();
    });
    setInterval(() => this.isConnected && !document.hidden && this.refresh(), POLL_MS);
  }

  connect() {
    this.isConnected = !this.isConnected;
    for (const element of [this.find("connect"), this.find("agent-word"), this.find("entries-empty")]) {
      element.textContent = this.isConnected ? element.dataset.wordOn : element.dataset.wordOff;
    }
    this.find("agent-dot").classList.toggle("dot-on", this.isConnected);
    this.find("console-send").disabled = !this.isConnected;
    if (this.isConnected) this.refresh();
    else this.show([]);
  }

  async refresh() {
    try {
      const answer = await call(this.root.dataset.entriesUrl);
      if (this.isConnected) this.show(answer.entries);
    } catch {
      // The next look tells.
    }
  }

  show(entries) {
    const list = this.find("entries");
    const known = new Map([...list.children].map((each) => [each.dataset.id, each]));
    const scroller = this.find("entries-scroll");
    const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    this.conversations = new Map(entries.map((each) => [each.user_id, each.conversation]));
    const items = entries.map((each) => known.get(each.id) ?? this.build(each));
    const isSame = items.length === known.size && items.every((item) => item.isConnected);
    this.find("entries-empty").hidden = items.length > 0;
    if (isSame) return;
    list.replaceChildren(...items);
    if (isAtEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  build(entry) {
    const item = copyOf("entry");
    item.dataset.id = entry.id;
    item.querySelector("[data-entry-user]").textContent = entry.user_id;
    item.querySelector("[data-entry-name]").textContent = entry.name;
    item.querySelector(".entry-text").textContent = entry.text;
    showTime(item.querySelector("time"), entry.created_at);
    item.querySelector("[data-use]").addEventListener("click", () => {
      this.find("console-user").value = entry.user_id;
      this.find("console-text").focus();
    });
    return item;
  }

  async reply(event) {
    event.preventDefault();
    const text = this.find("console-text");
    const conversation = this.conversations.get(this.find("console-user").value.trim());
    const problem = this.find("console-error");
    problem.hidden = true;
    if (!conversation) {
      this.complain(problem.dataset.wordUnknown);
      return;
    }
    this.find("console-send").disabled = true;
    try {
      await call(this.root.dataset.replyUrl, { conversation, text: text.value });
      text.value = "";
    } catch {
      this.complain(problem.dataset.wordFailed);
    } finally {
      this.find("console-send").disabled = !this.isConnected;
    }
  }

  complain(words) {
    const problem = this.find("console-error");
    problem.textContent = words;
    problem.hidden = false;
  }
}

new HumanToggle(document.querySelector("[data-human]"));
new AgentConsole(document.querySelector("[data-console]"));
