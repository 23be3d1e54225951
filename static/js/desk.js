/** The live desk: the list, the open conversation, and the keys. */

import { ConversationList } from "./desk-list.js";
import { ThreadPane } from "./desk-thread.js";
import { LiveSocket } from "./live.js";

const root = document.querySelector("[data-desk]");
const live = document.querySelector("[data-live]");
const isPhone = matchMedia("(max-width: 860px)");

const list = new ConversationList(root, { onNew: announce });
const thread = new ThreadPane(root, {
  onChange: readList,
  onRead: (conversation) => list.markRead(conversation),
});

async function readList() {
  await list.readChanges();
  thread.tellRead();
}

function announce(row) {
  const region = root.querySelector("[data-announce]");
  const name = row.querySelector(".row-name").textContent;
  region.textContent = `${region.dataset.wordNew} ${name}`;
}

function addressOf(conversation) {
  const path = conversation ? `${root.dataset.url}${conversation}/` : root.dataset.url;
  return `${path}?filter=${root.dataset.filter}`;
}

async function open(conversation, { remember = true } = {}) {
  root.dataset.open = conversation;
  root.classList.toggle("has-thread", conversation !== "");
  list.select(conversation);
  for (const tab of root.querySelectorAll("[data-tab]")) {
    tab.href = addressOf(conversation).replace(/filter=.*/, `filter=${tab.dataset.tab}`);
  }
  if (remember) history.pushState(null, "", addressOf(conversation));
  await thread.open(conversation);
}

function move(step) {
  const next = list.neighbour(root.dataset.open, step);
  if (next) open(next);
}

root.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  const row = event.target.closest("[data-row] > a");
  const back = event.target.closest("[data-back]");
  if (!row && !back) return;
  event.preventDefault();
  open(row ? row.parentElement.dataset.row : "");
});

addEventListener("popstate", () => {
  const [, name = ""] = location.pathname.match(/([0-9a-f-]{36})\/$/) ?? [];
  open(name, { remember: false });
});

const KEYS = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  r: () => thread.focusReply(),
  Escape: () => isPhone.matches && open(""),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
  if (isTyping) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // Arrows scroll the messages while these have the focus.
  const isScrolling = event.key.startsWith("Arrow") && event.target.closest("[data-thread-scroll]");
  if (event.ctrlKey || event.metaKey || event.altKey || isScrolling) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

function showLive(isOn) {
  live.querySelector("[data-live-word]").textContent = isOn ? live.dataset.wordOn : live.dataset.wordOff;
  live.querySelector(".dot").classList.toggle("dot-on", isOn);
  live.querySelector(".dot").classList.toggle("dot-warning", !isOn);
}

new LiveSocket("/ws/desk/", {
  onEvent: (event) => {
    if (event.type !== "conversation.changed") return;
    readList();
    if (event.conversation === root.dataset.open) thread.refresh();
  },
  onGap: () => {
    readList();
    thread.refresh();
  },
  onState: showLive,
  // Signed out meanwhile: the page leads to the sign-in.
  onRefused: () => location.reload(),
});
