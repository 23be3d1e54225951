/** The chat page's session, which a reload does not end. */

import { Session } from "./session.js";

export class KeptSession extends Session {
  constructor(channel) {
    super();
    this.name = `answerdesk.chat.${channel}`;
    this.restore();
  }

  restore() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(this.name));
    } catch {
      // Nothing that can be read was kept.
    }
    if (kept?.id) this.data = kept;
    else this.save();
  }

  save() {
    if (!this.name) return;
    try {
      sessionStorage.setItem(this.name, JSON.stringify(this.data));
    } catch {
      // A browser that keeps nothing still chats; a reload begins afresh.
    }
  }
}
