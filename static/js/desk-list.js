/** The list of conversations: kept in order, live, longer as one scrolls. */

import { fetchPart } from "./fetching.js";
import { coalesced } from "./live.js";
import { showTimes } from "./time.js";

export class ConversationList {
  constructor(root, { onNew }) {
    this.root = root;
    this.rows = root.querySelector("[data-rows]");
    this.onNew = onNew;
    const cursors = document.getElementById("cursors");
    /** Newest number by account; null: too many accounts, the list is read again. */
    this.cursors = cursors && JSON.parse(cursors.textContent);
    this.readChanges = coalesced(() => this.readOnce());
    showTimes(this.rows);
    this.watchEnd();
  }

  find(conversation) {
    return this.rows.querySelector(`[data-row="${conversation}"]`);
  }

  select(conversation) {
    for (const row of this.rows.querySelectorAll("[data-row]")) {
      this.mark(row, row.dataset.row === conversation);
    }
    this.find(conversation)?.scrollIntoView({ block: "nearest" });
  }

  markRead(conversation) {
    const row = this.find(conversation);
    row?.classList.remove("is-unread");
    row?.querySelector("[data-badge]")?.remove();
  }

  /** The conversation `step` rows away from this one, or the first. */
  neighbour(conversation, step) {
    const names = [...this.rows.querySelectorAll("[data-row]")].map((row) => row.dataset.row);
    const at = names.indexOf(conversation);
    if (at === -1) return names[0];
    return names[Math.min(names.length - 1, Math.max(0, at + step))];
  }

  async readOnce() {
    const url = new URL(this.address(), location.href);
    for (const [account, seq] of Object.entries(this.cursors ?? {})) {
      url.searchParams.append("after", `${account}:${seq}`);
    }
    const part = await fetchPart(url).catch(() => null);
    if (part === null) return;
    for (const row of part.querySelectorAll("[data-row]")) this.take(row);
    this.root.querySelector("[data-empty]").hidden = this.rows.querySelector("[data-row]") !== null;
    if (part.querySelector("[data-complete='false']")) await this.readOnce();
  }

  address() {
    const { changesUrl, rowsUrl, filter } = this.root.dataset;
    return `${this.cursors ? changesUrl : rowsUrl}?filter=${filter}`;
  }

  /** Put a row that came from the server where it belongs. */
  take(row) {
    const { row: name, account, seq, at } = row.dataset;
    const known = this.find(name);
    if (this.cursors) this.cursors[account] = Math.max(this.cursors[account] ?? 0, Number(seq));
    if (known && Number(known.dataset.seq) > Number(seq)) return;
    if (row.dataset.listed === "false") {
      known?.remove();
      return;
    }
    showTimes(row);
    const hasNews = Number(row.dataset.unread) > Number(known?.dataset.unread ?? 0);
    const hadFocus = known?.contains(document.activeElement);
    this.mark(row, name === this.root.dataset.open);
    const isInPlace = known?.dataset.at === at;
    if (isInPlace) known.replaceWith(row);
    else {
      known?.remove();
      if (!this.insert(row)) return;
    }
    if (hadFocus) row.querySelector("a").focus({ preventScroll: true });
    if (hasNews) this.onNew(row);
    if (hasNews && !isInPlace) row.classList.add("is-new");
  }

  insert(row) {
    const at = Number(row.dataset.at);
    const others = [...this.rows.children];
    const next = others.find((each) => each.dataset.more || Number(each.dataset.at) < at);
    // Below the last row that is loaded: it comes when one scrolls there.
    if (next?.dataset.more) return false;
    this.rows.insertBefore(row, next ?? null);
    return true;
  }

  mark(row, isOpen) {
    row.classList.toggle("is-open", isOpen);
    if (isOpen) row.querySelector("a").setAttribute("aria-current", "true");
    else row.querySelector("a").removeAttribute("aria-current");
  }

  watchEnd() {
    this.rows.addEventListener("click", (event) => {
      const more = event.target.closest("[data-more]");
      if (!more) return;
      event.preventDefault();
      this.readMore(more);
    });
    this.end = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.readMore(entry.target);
    });
    this.observeEnd();
  }

  observeEnd() {
    const more = this.rows.querySelector("[data-more]");
    if (more) this.end.observe(more);
  }

  async readMore(more) {
    if (more.dataset.isReading) return;
    more.dataset.isReading = "true";
    const { rowsUrl, filter } = this.root.dataset;
    const part = await fetchPart(`${rowsUrl}?filter=${filter}&before=${more.dataset.more}`).catch(() => null);
    if (part === null) {
      delete more.dataset.isReading;
      return;
    }
    showTimes(part);
    for (const row of part.querySelectorAll("[data-row]")) {
      if (this.find(row.dataset.row)) row.remove();
      else this.mark(row, row.dataset.row === this.root.dataset.open);
    }
    this.end.unobserve(more);
    more.replaceWith(part);
    this.observeEnd();
  }
}
