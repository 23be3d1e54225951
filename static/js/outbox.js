/** Sends messages one after the other; what fails stays and is tried again. */

const FIRST_PAUSE_MS = 1000;
const MOST_PAUSE_MS = 20000;

/** Answers that another attempt may change. */
const isTemporary = (status) => status === 408 || status === 429 || status >= 500;

export class Outbox {
  /** `onState(id, state)`: `sending`, `unsent`, `refused`, or null once it is stored. */
  constructor(session, { url, key, onState }) {
    Object.assign(this, { session, url, key, onState });
    this.isRunning = false;
    addEventListener("online", () => this.retryNow());
  }

  async run() {
    if (this.isRunning) return;
    this.isRunning = true;
    const session = this.session.id;
    while (this.session.id === session && this.session.outbox.length) {
      const message = this.session.outbox[0];
      if (!(await this.deliver(message))) {
        this.onState(message.id, "unsent");
        message.attempts += 1;
        await this.pause(message.attempts);
      }
    }
    this.isRunning = false;
    if (this.session.outbox.length) this.run();
  }

  /** Forget the pause between two attempts. */
  retryNow() {
    this.wake?.();
    this.run();
  }

  /** Let the running loop notice that its session has ended. */
  stop() {
    this.wake?.();
  }

  async deliver(message) {
    const session = this.session.id;
    const slow = setTimeout(() => this.onState(message.id, "sending"), 1000);
    const status = await this.post(session, message);
    clearTimeout(slow);
    if (session !== this.session.id) return true;
    if (status === null || isTemporary(status)) return false;
    this.session.acknowledge(message.id);
    this.onState(message.id, status < 300 ? null : "refused");
    return true;
  }

  /** The answer's status, or null when there was none. */
  async post(session, message) {
    try {
      const response = await fetch(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Channel-Key": this.key },
        body: JSON.stringify({
          session_id: session,
          message_id: message.id,
          text: message.text,
        }),
        signal: AbortSignal.timeout(15000),
      });
      return response.status;
    } catch {
      return null;
    }
  }

  pause(attempts) {
    const most = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempts - 1));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, most * (0.5 + Math.random() / 2));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
