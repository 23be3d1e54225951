/** Sends messages one after the other; what fails stays and is tried again. */

const FIRST_PAUSE_MS = 1000;
const MOST_PAUSE_MS = 20000;

/** What an answer's status means for a message; null: there was no answer. */
export function outcomeOf(status) {
  if (status === null || status === 408 || status === 429 || status >= 500) return "unsent";
  return status < 300 ? "stored" : "refused";
}

export class Outbox {
  /**
   * `post(message)` sends one and says what came of it: `stored`, `refused`, `unsent`,
   * or `withdrawn` where the session holds it no more. `onState(id, state)` hears that,
   * and `sending` where it takes a while.
   */
  constructor(session, { post, onState }) {
    Object.assign(this, { session, post, onState });
    /** The conversation that is being sent from. */
    this.running = null;
    addEventListener("online", () => this.retryNow());
  }

  async run() {
    const begun = this.session.data;
    if (this.running === begun) return;
    this.running = begun;
    while (this.session.data === begun && this.session.outbox.length) {
      const message = this.session.outbox[0];
      if (!(await this.deliver(message))) {
        message.attempts += 1;
        await this.pause(message.attempts);
      }
    }
    if (this.running === begun) this.running = null;
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

  /** Whether the message needs no further attempt. */
  async deliver(message) {
    const begun = this.session.data;
    const slow = setTimeout(() => this.onState(message.id, "sending"), 1000);
    const outcome = await this.post(message);
    clearTimeout(slow);
    if (begun !== this.session.data) return true;
    if (outcome === "stored" || outcome === "refused") this.session.acknowledge(message.id);
    this.onState(message.id, outcome);
    return outcome !== "unsent";
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
