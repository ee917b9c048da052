/**
 * One WebSocket that comes back: opening, backoff, frame numbers, acknowledgements, and noticing a dead line.
 *
 *     start() ─> connecting ──open──> open ──closed, broken or silent──> waiting ──backoff──> connecting
 *                                      └──4401, 4403 or close()──> closed (for good)
 *
 * It knows nothing of devices; client.js does.
 */

import { Emitter } from "./emitter.js";

/**
 * @typedef {"connecting" | "open" | "waiting" | "closed"} ConnectionState
 * @typedef {"unauthorized" | "forbidden" | "stopped" | null} ClosedReason
 * @typedef {{code: number, message: string}} Closed  the close code (RFC 6455, or the server's own; 0: we gave up on it), and
 *   what it means in words
 *
 * @typedef {object} Environment  What a connection takes from its surroundings; tests bring their own.
 * @property {new (url: string) => WebSocket} WebSocket
 * @property {() => number} now  Unix ms
 * @property {(callback: () => void, delay_ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} random  0 ≤ x < 1
 */

export const ACK_EVERY_MS = 1_000;
export const ACK_EVERY_FRAMES = 64;
export const ACK_EVERY_CHARS = 256 * 1024; // well below the 1 MiB at which the server pauses
export const SILENCE_MS = 5_000; // without any frame: ask whether the server is there
export const PONG_MS = 5_000; // without an answer to that: the line is dead
export const OPEN_MS = 10_000; // without having opened: try again
// Soon enough that a page is live again within 3 s of the server's return; after about five minutes it takes its time.
const BACKOFF_MS = { first: 500, most: 2_000, patient: 15_000, settled: 5_000 };
const SOON_ATTEMPTS = 200;

/** @type {{[code: number]: ClosedReason}} */
const FINAL = { 4401: "unauthorized", 4403: "forbidden" };
export const TOO_LARGE = 1009;
const TOO_MANY = 4429;
const ABNORMAL = 1006;
const SILENT = "The server has not answered in time.";
/** @type {{[code: number]: string}} */
const MEANING = {
  1001: "The server is going away; it may be restarting.",
  1006: "The connection broke, or the server can't be reached.",
  1009: "A frame of ours was too large for the server or for a proxy: send less.",
  1012: "The server restarts.",
  4401: "Not logged in, or no longer: log in again, or give a valid token.",
  4403: "No role at any site: ask an administrator for one.",
  4408: "Nothing was acknowledged for a minute: whoever listens to changes takes too long.",
  4429: "Too many sockets of this user or address, or too many bad frames: close some, or mend the program.",
};

/** @returns {Environment} */
function browser() {
  return {
    WebSocket: globalThis.WebSocket,
    now: () => Date.now(),
    setTimeout: (callback, delay) => globalThis.setTimeout(callback, delay),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
    random: () => Math.random(),
  };
}

/**
 * Emits `state` at each change of state and `frame` for every server frame in order.
 * A frame out of number is a broken stream: it is not passed on, and the connection is made anew.
 * @extends {Emitter<{state: ConnectionState, frame: any}>}
 */
export class Connection extends Emitter {
  /** @type {ConnectionState} */ state = "closed";
  /** @type {ClosedReason} */ reason = "stopped";
  /** Unix ms of the last frame: what is shown is known to be as of then. @type {number | null} */
  heard = null;
  /** Unix ms of the next attempt while waiting. @type {number | null} */
  retryAt = null;
  /** Why it was lost last; null while it is open. @type {Closed | null} */
  lost = null;

  #url;
  #env;
  /** @type {WebSocket | null} */ #socket = null;
  #attempts = 0;
  #openedAt = 0;
  #n = 0;
  #acked = { n: 0, at: 0 };
  #unackedChars = 0;
  /** @type {Map<string, any>} */ #timers = new Map();

  /**
   * @param {string} url  ws: or wss:
   * @param {Partial<Environment>} [environment]
   */
  constructor(url, environment = {}) {
    super();
    this.#url = url;
    this.#env = { ...browser(), ...environment };
    if (typeof this.#env.WebSocket !== "function") {
      throw new TypeError("There is no WebSocket here: use Node.js 22, or give one: new Client(url, { WebSocket }).");
    }
  }

  /** Connect, and stay connected until `close()`. Does nothing while that is so already. */
  start() {
    if (this.state === "closed") this.#connect();
  }

  /** Don't wait any longer: try again now. */
  retryNow() {
    if (this.state === "waiting") this.#connect();
    else if (this.state === "open") this.#probe();
  }

  /** Close for good. */
  close() {
    if (this.state === "closed") return; // for whatever reason: that one stands
    this.#drop();
    this.lost = null;
    this.#enter("closed", "stopped");
  }

  /** Send one frame. @param {object} frame @returns {boolean} false: not connected, nothing was sent */
  send(frame) {
    if (this.state !== "open" || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** The server broke its promise: make the connection anew. @param {string} why */
  fail(why) {
    console.warn(`causeway: ${why}; reconnecting`);
    this.#lost(0, `The server broke its promise: ${why}.`);
  }

  #connect() {
    this.#drop();
    const socket = (this.#socket = new this.#env.WebSocket(this.#url));
    socket.onopen = () => this.#opened();
    socket.onmessage = (message) => this.#received(message.data);
    socket.onclose = (closed) => this.#lost(closed.code ?? ABNORMAL, closed.reason);
    socket.onerror = () => {}; // onclose follows; the package ws ends the program where nobody listens
    this.#after("silence", OPEN_MS, () => this.#lost(0, SILENT));
    this.#enter("connecting");
  }

  #opened() {
    this.#n = 0;
    this.#acked = { n: 0, at: this.#env.now() };
    this.#unackedChars = 0;
    this.#openedAt = this.#env.now();
    this.lost = null;
    this.#listen();
    this.#enter("open");
  }

  /** @param {string} text */
  #received(text) {
    const frame = parsed(text);
    if (!frame || frame.n !== this.#n + 1) return this.fail(`expected frame ${this.#n + 1}`);
    this.#n = frame.n;
    this.#unackedChars += text.length;
    this.heard = this.#env.now();
    this.#listen();
    this.emit("frame", frame);
    if (this.state === "open") this.#owe();
  }

  /**
   * Acknowledge now if much is owed, else within a second. (Timers of hidden tabs are slow; frames are not.)
   */
  #owe() {
    const due =
      this.#n - this.#acked.n >= ACK_EVERY_FRAMES ||
      this.#unackedChars >= ACK_EVERY_CHARS ||
      this.#env.now() - this.#acked.at >= ACK_EVERY_MS;
    if (due) this.#acknowledge();
    else if (!this.#timers.has("ack")) this.#after("ack", ACK_EVERY_MS, () => this.#acknowledge());
  }

  #acknowledge() {
    this.#cancel("ack");
    if (this.#n === this.#acked.n) return;
    this.send({ type: "ack", n: this.#n });
    this.#acked = { n: this.#n, at: this.#env.now() };
    this.#unackedChars = 0;
  }

  #listen() {
    this.#after("silence", SILENCE_MS, () => this.#probe());
  }

  #probe() {
    this.send({ type: "ping", id: "ping" });
    this.#after("silence", PONG_MS, () => this.#lost(0, SILENT));
  }

  /** @param {number} code  of the close frame; 0: we gave up on it @param {string} [said]  by the server */
  #lost(code, said) {
    this.#drop();
    this.lost = { code, message: (code ? MEANING[code] : said) || `The connection was closed (${said || code}).` };
    const final = FINAL[code];
    if (final) return this.#enter("closed", final);
    if (code === TOO_LARGE || code >= 4400) console.warn(`causeway: closed with ${code}. ${this.lost.message}`);
    if (code === TOO_MANY) this.#attempts = Math.max(this.#attempts, SOON_ATTEMPTS);
    else if (this.#openedAt && this.#env.now() - this.#openedAt >= BACKOFF_MS.settled) this.#attempts = 0;
    this.#openedAt = 0;
    const delay = backoff(this.#attempts++, this.#env.random());
    this.retryAt = this.#env.now() + delay;
    this.#after("retry", delay, () => this.#connect());
    this.#enter("waiting");
  }

  #drop() {
    for (const name of [...this.#timers.keys()]) this.#cancel(name);
    const socket = this.#socket;
    this.#socket = null;
    this.retryAt = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** @param {ConnectionState} state @param {ClosedReason} [reason] */
  #enter(state, reason = null) {
    if (this.state === state && this.reason === reason) return;
    this.state = state;
    this.reason = reason;
    this.emit("state", state);
  }

  /** @param {string} name @param {number} delay_ms @param {() => void} callback */
  #after(name, delay_ms, callback) {
    this.#cancel(name);
    this.#timers.set(
      name,
      this.#env.setTimeout(() => {
        this.#timers.delete(name);
        callback();
      }, delay_ms),
    );
  }

  /** @param {string} name */
  #cancel(name) {
    this.#env.clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

/**
 * Exponential, and jittered so that thousands of pages don't return in step: 0.25…0.5 s at first, 1…2 s at most, and
 * 7.5…15 s when the server has been away for long.
 * @param {number} attempt  from 0
 * @param {number} random  0 ≤ x < 1
 * @returns {number} ms
 */
export function backoff(attempt, random) {
  const most = attempt < SOON_ATTEMPTS ? BACKOFF_MS.most : BACKOFF_MS.patient;
  return Math.min(most, BACKOFF_MS.first * 2 ** attempt) * (0.5 + random / 2);
}

/** @param {string} text @returns {any} undefined if it is no JSON object */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return undefined;
  }
}
