/**
 * Requests over the connection: each frame with an `id` gets one reply, a time limit, and an error with a code.
 */

import { TOO_LARGE } from "./connection.js";
import { problem } from "./sendable.js";

/**
 * @import {Closed, Connection, ConnectionState, Environment} from "./connection.js"
 */

/**
 * @typedef {"bad_request" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "too_large" | "rate_limited"
 *   | "unavailable" | "timeout" | "disconnected" | "closed"} ErrorCode
 *   The server's codes, and three of our own: `timeout` (no reply in time) and `disconnected` (the connection broke
 *   first) leave open whether it happened; `closed`: there is no connection and there will be none.
 *
 * @typedef {object} Pending
 * @property {{id: string}} frame
 * @property {boolean} repeat  ask again after a reconnect
 * @property {boolean} sent
 * @property {(reply: any) => void} resolve
 * @property {(error: RequestError) => void} reject
 * @property {any} timer
 */

/** A request that failed. `code` is one of ErrorCode, the message is for people. */
export class RequestError extends Error {
  /** @param {ErrorCode} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "RequestError";
    this.code = code;
  }
}

/** The requests of one client. At most 1,000 wait at once; more are refused. */
export class Requests {
  #connection;
  #env;
  /** @type {Map<string, Pending>} */ #pending = new Map();
  #lastId = 0;

  /** @param {Connection} connection @param {Partial<Environment>} environment */
  constructor(connection, environment) {
    this.#connection = connection;
    this.#env = {
      setTimeout: environment.setTimeout ?? ((callback, delay) => globalThis.setTimeout(callback, delay)),
      clearTimeout: environment.clearTimeout ?? ((timer) => globalThis.clearTimeout(timer)),
    };
  }

  /** An id that no other request of this client has. */
  nextId() {
    return String(++this.#lastId);
  }

  /** @param {number} delay_ms @param {() => void} callback */
  after(delay_ms, callback) {
    this.#env.setTimeout(callback, delay_ms);
  }

  /**
   * @param {object} frame
   * @param {{id?: string, timeout_ms: number, repeat?: boolean}} options  repeat: safe to send twice
   * @returns {Promise<any>} the `ok` frame
   * @throws {RequestError}
   */
  send(frame, { id = this.nextId(), timeout_ms, repeat = false }) {
    return new Promise((resolve, reject) => {
      if (this.#connection.state === "closed")
        return reject(new RequestError("closed", "The connection to the server is closed."));
      if (this.#pending.size >= 1_000)
        return reject(new RequestError("unavailable", "Too many requests wait already."));
      const unsendable = problem(frame);
      if (unsendable) return reject(new RequestError(unsendable.code, unsendable.message));
      const timer = this.#env.setTimeout(
        () => this.#give(id, "timeout", "The server has not answered in time."),
        timeout_ms,
      );
      const pending = { frame: { ...frame, id }, repeat, sent: false, resolve, reject, timer };
      this.#pending.set(id, pending);
      pending.sent = this.#connection.send(pending.frame);
      if (!pending.sent && !repeat)
        this.#give(id, "disconnected", "There is no connection to the server now.");
    });
  }

  /** @param {{type: "ok" | "error", id: string, code?: ErrorCode, message?: string}} reply */
  settle(reply) {
    if (reply.type === "ok") this.#take(reply.id)?.resolve(reply);
    else this.#give(reply.id, reply.code ?? "bad_request", reply.message ?? "The server refused.");
  }

  /**
   * The connection changed: repeat what may be repeated, give up on the rest.
   * @param {ConnectionState} state
   * @param {Closed | null} lost  why, when it was
   */
  moved(state, lost) {
    for (const [id, pending] of [...this.#pending]) {
      if (state === "open") pending.sent ||= this.#connection.send(pending.frame);
      else if (state === "closed") this.#give(id, "closed", lost?.message ?? "The connection to the server is closed.");
      else if (lost?.code === TOO_LARGE && pending.sent) this.#give(id, "too_large", lost.message);
      else if (!pending.repeat)
        this.#give(id, "disconnected", "The connection broke before the server answered.");
      else pending.sent = false;
    }
  }

  /** @param {string} id @returns {Pending | undefined} */
  #take(id) {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) this.#env.clearTimeout(pending.timer);
    return pending;
  }

  /** @param {string} id @param {ErrorCode} code @param {string} message */
  #give(id, code, message) {
    this.#take(id)?.reject(new RequestError(code, message));
  }
}

/** 128 random bits. (`crypto.randomUUID` exists on https pages only.) */
export function randomKey() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
