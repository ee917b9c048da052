/**
 * The WebSocket client of Causeway: subscriptions that survive any interruption, and requests as promises.
 *
 *     const client = new Client("/ws/v1/");
 *     const fleet = client.watch({ site: "*" });
 *     fleet.on("change", ({ device, state }) => console.log(device, state));
 *     await client.command("demo/pump-1", "set_led", { on: true });
 *
 * Every change reaches the listeners once and in order, also across reconnects (docs/javascript-client.md). What is
 * shown may be called live only while `client.status` is "live"; otherwise it is as of `client.heard`.
 */

import { Attendance } from "./attendance.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Requests, randomKey } from "./requests.js";
import { checkTarget } from "./sendable.js";
import { Subscription } from "./subscription.js";

/**
 * @import {Alert, Command, DeviceState, Json, JsonObject, Link, StreamFrame} from "./types.js"
 * @import {Doing, Stay} from "./attendance.js"
 * @import {Closed, ClosedReason, Environment} from "./connection.js"
 * @import {Target} from "./subscription.js"
 */

/**
 * @typedef {"connecting" | "live" | "reconnecting" | "closed"} Status
 *   live: connected, and every subscription has been taken up by the server since.
 *   reconnecting: it was live before; what is shown is as of `heard`.
 *   closed: for good; `reason` says why.
 *
 * @typedef {object} CommandOptions
 * @property {number} [ttl_s]  the device must get it within that time (default: the server's)
 * @property {string} [idempotency_key]  the same key never makes a second command; by default a fresh one
 * @property {number} [timeout_ms]
 */

/**
 * Emits `status` (Status), `link` (Link or null), `command` and `alert` (Command, Alert: each step of one on a watched device).
 * @extends {Emitter<{status: Status, link: Link | null, command: Command, alert: Alert}>}
 */
export class Client extends Emitter {
  /** @type {Status} */ status = "connecting";
  /** What the server sees of the broker and the workers; null while it can't tell us. @type {Link | null} */
  link = null;

  #connection;
  #requests;
  #attendance;
  /** @type {Set<Subscription>} */ #subscriptions = new Set();
  #wasLive = false;

  /**
   * Connects at once.
   * @param {string | URL} url  absolute or relative to the page; http: becomes ws:
   * @param {Partial<Environment>} [environment]  for tests and for programs outside a browser
   */
  constructor(url, environment = {}) {
    super();
    this.#connection = new Connection(webSocketUrl(url), environment);
    this.#requests = new Requests(this.#connection, environment);
    this.#attendance = new Attendance({
      isOpen: () => this.#connection.state === "open",
      request: (frame) => this.#requests.send(frame, { timeout_ms: 30_000 }),
      after: (delay_ms, callback) => this.#requests.after(delay_ms, callback),
    });
    this.#connection.on("state", (state) => this.#moved(state));
    this.#connection.on("frame", (frame) => this.#received(frame));
    this.#connection.start();
  }

  /** Unix ms of the server's last sign of life, null before the first. */
  get heard() {
    return this.#connection.heard;
  }

  /** Unix ms of the next attempt to connect, null when none is planned. */
  get retryAt() {
    return this.#connection.retryAt;
  }

  /** Why it is closed. @returns {ClosedReason} */
  get reason() {
    return this.#connection.reason;
  }

  /** Why the connection was lost last, and what to do about it; null while there is one. @returns {Closed | null} */
  get lost() {
    return this.#connection.lost;
  }

  /**
   * Watch some devices, a site, or `"*"`: all that the user may see.
   * @param {Target} target
   * @param {Iterable<[string, DeviceState]>} [known]  states that another subscription has brought: the stream goes on from
   *   there, without a snapshot of them
   * @returns {Subscription}
   * @throws {TypeError} it can't be watched; the message says what to give
   */
  watch(target, known = []) {
    checkTarget(target);
    /** @type {import("./subscription.js").SubscriptionHost} */ const host = {
      send: (frame) => this.#connection.send(frame),
      request: (id, frame) => this.#requests.send(frame, { id, timeout_ms: 30_000 }),
      left: () => this.#subscriptions.delete(subscription),
      settled: () => this.#review(),
      broken: (why) => this.#connection.fail(why),
      after: (delay_ms, callback) => this.#requests.after(delay_ms, callback),
    };
    /** @type {Subscription} */ const subscription = new Subscription(target, host, known);
    this.#subscriptions.add(subscription);
    if (this.#connection.state === "open") subscription.take();
    this.#review();
    return subscription;
  }

  /**
   * Be at a place, so that others who are there see it, and see who they are.
   * @param {string} place  site/device, page:NAME or app:LABEL/NAME
   * @param {Doing} [doing]
   * @returns {Stay}
   */
  attend(place, doing = "viewing") {
    return this.#attendance.enter(place, doing);
  }

  /**
   * Send a command to a device. Asked again after a reconnect, which is safe: the key makes it one command.
   * @param {string} device  site/device
   * @param {string} name
   * @param {Json} [args]
   * @param {CommandOptions} [options]
   * @returns {Promise<Command>} as stored (`accepted`); its further steps come as `command` events
   * @throws {RequestError} see requests.js
   */
  async command(device, name, args = {}, { timeout_ms = 10_000, ...options } = {}) {
    const frame = { type: "command", device, name, args, idempotency_key: randomKey(), ...options };
    return (await this.#requests.send(frame, { timeout_ms, repeat: true })).command;
  }

  /**
   * Patch a device's desired state (RFC 7396). Not repeated after a lost connection: with code `disconnected` or
   * `timeout` look at the device's state to see whether it happened.
   * @param {string} device
   * @param {JsonObject} patch
   * @param {{if_version?: number, timeout_ms?: number}} [options]  if_version: else `conflict`
   * @returns {Promise<any>} the server's reply
   * @throws {RequestError}
   */
  desired(device, patch, { timeout_ms = 10_000, ...options } = {}) {
    return this.#requests.send({ type: "desired", device, patch, ...options }, { timeout_ms });
  }

  /** Try to connect now, or, when connected, ask the server for a sign of life. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Close for good; pending requests fail with `closed`. */
  close() {
    this.#connection.close();
  }

  /** @param {import("./connection.js").ConnectionState} state */
  #moved(state) {
    if (state === "open") {
      for (const subscription of this.#subscriptions) subscription.take();
      this.#attendance.opened();
    } else {
      this.#attendance.lost();
      for (const subscription of this.#subscriptions) subscription.lost();
      this.#linked(null);
    }
    this.#requests.moved(state, this.#connection.lost);
    this.#review();
  }

  /** @param {any} frame */
  #received(frame) {
    if (frame.type === "ok" || frame.type === "error") this.#requests.settle(frame);
    else if (frame.type === "link") this.#linked(frame);
    else if (frame.type === "people") this.#attendance.received(frame);
    else if (frame.type === "command") this.emit("command", frame.command);
    else if (frame.type === "alert") this.emit("alert", frame.alert);
    else if (typeof frame.sub === "string") this.#streamed(frame);
    else if (frame.type === "event") this.#happened(frame);
  }

  /** @param {StreamFrame} frame */
  #streamed(frame) {
    for (const subscription of this.#subscriptions) {
      if (subscription.id === frame.sub) subscription.apply(frame);
    }
  }

  /**
   * An event without `sub` goes to whichever subscriptions stand right before it.
   * @param {StreamFrame} frame
   */
  #happened(frame) {
    const taken = [...this.#subscriptions].map((subscription) => subscription.offer(frame));
    if (taken.includes("fits") || taken.includes("known")) return;
    for (const subscription of this.#subscriptions) subscription.apply(frame);
  }

  /** @param {(Link & {type?: string, n?: number}) | null} link */
  #linked(link) {
    if (!link && !this.link) return;
    this.link = link && told(link);
    this.emit("link", this.link);
  }

  #review() {
    const status = this.#assess();
    if (status === this.status) return;
    this.status = status;
    this.#wasLive ||= status === "live";
    this.emit("status", status);
  }

  /** @returns {Status} */
  #assess() {
    const { state } = this.#connection;
    if (state === "closed") return "closed";
    if (state === "open" && [...this.#subscriptions].every((one) => one.settled)) return "live";
    return this.#wasLive ? "reconnecting" : "connecting";
  }
}

/** @param {string | URL} url */
function webSocketUrl(url) {
  const absolute = new URL(url, globalThis.location?.href);
  absolute.protocol = absolute.protocol.replace(/^http/, "ws");
  return absolute.href;
}

/**
 * A link frame without what every frame has.
 * @param {Link} link
 * @returns {Link}
 */
function told({ broker, workers, gateway, layer, database, fresh, since }) {
  return { broker, workers, gateway, layer, database, fresh, since };
}
