/**
 * A socket that comes back by itself.
 *
 * Events are hints: `onEvent` gets each one, `onGap` is called whenever some may have
 * been missed, every 30 seconds, and every 2 seconds while there is no socket.
 */

const POLL_MS = 2000;
const REREAD_MS = 30000;
const MOST_PAUSE_MS = 15000;
/** The server's way of saying that coming back is of no use. */
const REFUSED = new Set([4401, 4403]);

export class LiveSocket {
  constructor(path, { hello, onEvent, onGap, onState = () => {}, onRefused = () => {} }) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.address = `${scheme}://${location.host}${path}`;
    Object.assign(this, { hello, onEvent, onGap, onState, onRefused });
    this.failures = 0;
    this.isOpen = false;
    this.lastRead = Date.now();
    this.timer = setInterval(() => this.tick(), POLL_MS);
    this.onOnline = () => this.reconnectNow();
    addEventListener("online", this.onOnline);
    this.connect();
  }

  /** End for good. */
  close() {
    this.isClosed = true;
    clearInterval(this.timer);
    clearTimeout(this.retry);
    removeEventListener("online", this.onOnline);
    this.socket?.close();
  }

  connect() {
    if (this.isClosed) return;
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.addEventListener("open", () => {
      if (this.hello) socket.send(JSON.stringify(this.hello));
      else this.opened();
    });
    socket.addEventListener("message", ({ data }) => this.take(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => {
      if (this.socket === socket) this.closed(code);
    });
  }

  take(event) {
    if (event.type === "watching") this.opened();
    else if (event.type === "resync") this.gap();
    else this.onEvent(event);
  }

  opened() {
    this.isOpen = true;
    this.failures = 0;
    this.onState(true);
    this.gap();
  }

  closed(code) {
    this.isOpen = false;
    if (this.isClosed) return;
    this.onState(false);
    if (REFUSED.has(code)) {
      this.onRefused(code);
      return;
    }
    const pause = Math.min(MOST_PAUSE_MS, 500 * 2 ** this.failures);
    this.failures += 1;
    this.retry = setTimeout(() => this.connect(), pause * (0.5 + Math.random() / 2));
  }

  reconnectNow() {
    if (this.isOpen || this.isClosed) return;
    clearTimeout(this.retry);
    this.failures = 0;
    this.connect();
  }

  tick() {
    if (!this.isOpen || Date.now() - this.lastRead >= REREAD_MS) this.gap();
  }

  gap() {
    this.lastRead = Date.now();
    this.onGap();
  }
}

/** Wrap a reading function so that calls during a run lead to one more run. */
export function coalesced(read) {
  let running = null;
  let isWanted = false;
  const run = async () => {
    try {
      while (isWanted) {
        isWanted = false;
        await read();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    isWanted = true;
    running ??= run();
    return running;
  };
}
