/** The widget: a launcher and a window on somebody else's page, out of its styles' reach. */

import { CrmApi } from "./crm-api.js";
import { CrmChat, firstName } from "./crm-chat.js";
import { textOf } from "./templates.js";

const REQUIRED = ["agent_id", "email", "name", "agency", "office"];
const OPTIONAL = ["phone", "company", "division", "user_type", "signature"];
/** Narrower than this the window fills the screen. */
const PHONE = matchMedia("(max-width: 480px)");
/** A finger's focus on a text brings up a keyboard, which nobody has asked for yet. */
const TOUCH = matchMedia("(pointer: coarse)");

/** Put the widget of a <script> tag on the page. */
export async function start(script) {
  if (document.readyState === "loading") {
    await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));
  }
  const base = new URL(".", script.src);
  const { key = "", agentType = "customer", theme = "auto" } = script.dataset;
  const lang = script.dataset.lang || document.documentElement.lang || navigator.language;
  const [root, styles] = await Promise.all([
    fetchPanel(new URL(`api/chat/panel?${new URLSearchParams({ key, lang })}`, base)),
    fetchStyles(new URL("widget.css", base)),
  ]);
  root.dataset.theme = theme;
  const host = document.createElement("answerdesk-chat");
  const shadow = host.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [styles];
  shadow.append(document.adoptNode(root));
  document.body.append(host);
  const api = new CrmApi({ base, key, agentType, lang: root.lang });
  const widget = new Widget(root, api);
  if (script.dataset.agentId) widget.identify(personOf(script.dataset));
  return widget;
}

/** The panel as the server wrote it. Parsed by the browser: a host may forbid innerHTML. */
function fetchPanel(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => reject(new Error(`Answerdesk could not load its chat from ${url}`));
    request.open("GET", url);
    request.responseType = "document";
    request.onerror = fail;
    request.onload = () => {
      const root = request.status === 200 && request.response?.querySelector("[data-chat]");
      if (root) resolve(root);
      else fail();
    };
    request.send();
  });
}

async function fetchStyles(url) {
  const response = await fetch(url);
  return new CSSStyleSheet().replace(await response.text());
}

/** `data-agent-id` and its like, by the names of the API. */
function personOf(dataset) {
  const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries([...REQUIRED, ...OPTIONAL].map((name) => [name, dataset[camel(name)]]));
}

class Widget {
  constructor(root, api) {
    this.root = root;
    this.launcher = root.querySelector("[data-launcher]");
    this.window = root.querySelector("[data-window]");
    this.chat = new CrmChat(root, api, { onNews: () => this.showNews(!this.window.open) });
    this.launcher.addEventListener("click", () => this.open());
    this.window.addEventListener("close", () => this.closed());
    root.querySelector("[data-minimise]").addEventListener("click", () => this.window.close());
    root.querySelector("[data-close]").addEventListener("click", () => this.close());
    for (const name of ["keydown", "keypress", "keyup"]) {
      root.addEventListener(name, (event) => this.press(event));
    }
    PHONE.addEventListener("change", () => this.fit());
    visualViewport.addEventListener("resize", () => this.makeRoom());
    visualViewport.addEventListener("scroll", () => this.makeRoom());
  }

  /** Say who writes, in the words of the API; somebody else begins another conversation. */
  identify(person) {
    const missing = REQUIRED.filter((name) => !person[name]);
    if (missing.length) {
      console.warn(`Answerdesk: the chat is not shown, as it does not know: ${missing.join(", ")}`);
      return;
    }
    const known = [...REQUIRED, ...OPTIONAL].filter((name) => person[name]);
    const former = this.chat.person;
    this.chat.person = Object.fromEntries(known.map((name) => [name, String(person[name])]));
    if (former && former.agent_id !== this.chat.person.agent_id) this.chat.startAfresh();
    const hello = textOf("hello", this.root, { name: firstName(this.chat.person) });
    this.root.querySelector("[data-hello]").textContent = hello;
    this.launcher.hidden = this.window.open;
    if (this.isWanted) this.open();
  }

  /** Open the window, as soon as it is known who writes. */
  open() {
    this.isWanted = !this.chat.person;
    if (this.isWanted || this.window.open) return;
    this.launcher.hidden = true;
    this.showNews(false);
    // Over the whole of a phone's screen it keeps the focus to itself.
    if (PHONE.matches) this.window.showModal();
    else this.window.show();
    this.makeRoom();
    this.chat.transcript.follow();
    if (TOUCH.matches) this.chat.panel.composer.fit();
    else this.chat.panel.composer.focus();
  }

  /** Close the window, and with it the conversation. */
  close() {
    this.isWanted = false;
    this.window.close();
    this.chat.startAfresh();
  }

  closed() {
    if (this.window.open) return; // it was opened again in another way
    this.launcher.hidden = false;
    this.launcher.focus();
  }

  showNews(hasNews) {
    const words = this.launcher.dataset;
    this.launcher.classList.toggle("has-news", hasNews);
    this.launcher.setAttribute("aria-label", hasNews ? words.wordNews : words.wordOpen);
  }

  /** The page's own shortcuts are not for what is written here. */
  press(event) {
    event.stopPropagation();
    if (event.type === "keydown" && event.key === "Escape" && !event.isComposing) this.window.close();
  }

  /** The screen was turned, or the browser's window was resized. */
  fit() {
    if (!this.window.open) return;
    this.window.close();
    this.open();
  }

  /** Leave the room that a phone's keyboard takes. */
  makeRoom() {
    this.window.style.setProperty("--visible-height", `${visualViewport.height}px`);
    this.window.style.setProperty("--visible-top", `${visualViewport.offsetTop}px`);
  }
}
