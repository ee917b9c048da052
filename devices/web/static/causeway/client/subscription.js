/** One subscription: its stream, and how it is taken up again after gaps and reconnects. */

import { Emitter } from "./emitter.js";
import { applyFrame, forget, knownRevs, newStream } from "./stream.js";

/**
 * @import {Change, DeviceState, StreamFrame} from "./types.js"
 * @import {RequestError} from "./requests.js"
 */

/**
 * @typedef {object} Target
 * @property {string} [site]  a site, or "*" for all that the user may see; devices that come later included
 * @property {string[]} [devices]  site/device keys, when no site is given
 * @property {number} [max_rate_hz]  frames a second and device (the server's default: 10)
 * @property {"all" | "latest"} [readings]  latest: leave out the intermediate ones
 * @property {"full" | "brief"} [description]  brief: of what devices are, only what a list of them shows
 *
 * @typedef {object} SubscriptionHost  What a subscription asks of its client.
 * @property {(frame: object) => boolean} send
 * @property {(id: string, frame: object) => Promise<any>} request
 * @property {() => void} left
 * @property {() => void} settled
 * @property {(why: string) => void} broken
 * @property {(delay_ms: number, callback: () => void) => void} after
 */

const RETRY_MS = 2_000; // after the server refused a subscription for a passing reason
const MOST_CHARS = 200_000; // of revs in one frame; the server takes 256 KiB
const GAPS_UNTIL_SNAPSHOT = 3; // a device that has that many is asked for anew, not from its rev
let lastId = 0;

/**
 * Emits `change` for every change, in order; `ready` when it is taken up (again) by the server; `refused` with the
 * devices that the server does not know or may not show us; `failed` when it will never be taken up.
 * @extends {Emitter<{change: Change, ready: null, refused: string[], failed: RequestError}>}
 */
export class Subscription extends Emitter {
  /** The id of its current life; the server's frames name it as `sub`. @type {string | null} */
  id = null;
  /** The server has taken it up, or refused it for good. */
  settled = false;

  #target;
  #host;
  #stream = newStream();
  /** @type {Map<string, number>} */ #gaps = new Map();
  #left = false;

  /** @param {Target} target @param {SubscriptionHost} host @param {Iterable<[string, DeviceState]>} [known]  to go on from */
  constructor(target, host, known = []) {
    super();
    for (const [device, state] of known) this.#stream.devices.set(device, state);
    this.#target = target;
    this.#host = host;
  }

  /** Device states by key, as of the last frame. @returns {ReadonlyMap<string, DeviceState>} */
  get devices() {
    return this.#stream.devices;
  }

  /** All devices there are have come, so what is not in `devices` does not exist. */
  get complete() {
    return this.#stream.complete;
  }

  /** Stop watching. */
  close() {
    this.#left = true;
    if (this.id) this.#leave(this.id);
    this.id = null;
    this.#host.left();
    this.#host.settled();
  }

  /** Ask the server for it, from where we are. */
  take() {
    if (this.#left) return;
    const id = (this.id = newId());
    this.settled = false;
    this.#host.request(id, this.#frame()).then(
      (reply) => this.id === id && this.#taken(reply),
      (error) => this.id === id && this.#refused(error, id),
    );
  }

  /** The connection is gone. */
  lost() {
    this.id = null;
    this.settled = false;
  }

  /** @param {StreamFrame} frame */
  apply(frame) {
    const wasComplete = this.complete;
    const { changes, gaps } = applyFrame(this.#stream, frame);
    for (const change of changes) {
      if (change.kind === "snapshot") this.#gaps.delete(change.device);
      this.emit("change", change);
    }
    if (this.complete && !wasComplete) this.emit("ready", null);
    if (gaps.length > 0) this.#mend(gaps);
  }

  /**
   * Apply an event that does not say for which subscription it is, if it fits here.
   * @param {StreamFrame} frame
   * @returns {"fits" | "known" | "early" | "foreign"}
   */
  offer(frame) {
    const state = frame.type === "event" ? this.#stream.devices.get(frame.device) : undefined;
    if (frame.type !== "event" || !state) return "foreign";
    if (frame.rev <= state.rev) return "known";
    if ((frame.prev ?? frame.rev - 1) !== state.rev) return "early";
    this.apply(frame);
    return "fits";
  }

  #frame() {
    const { devices, ...options } = this.#target;
    const revs = knownRevs(this.#stream);
    for (const [device, count] of this.#gaps) if (count >= GAPS_UNTIL_SNAPSHOT) delete revs[device];
    if (!devices) return { type: "subscribe", ...options, devices: fitting(revs) };
    return {
      type: "subscribe",
      ...options,
      devices: Object.fromEntries(devices.map((key) => [key, revs[key] ?? null])),
    };
  }

  /** @param {{refused?: (string | {device: string})[]}} reply */
  #taken(reply) {
    const refused = (reply.refused ?? []).map((one) => (typeof one === "string" ? one : one.device));
    for (const device of refused)
      for (const change of forget(this.#stream, device).changes) this.emit("change", change);
    if (refused.length > 0) this.emit("refused", refused);
    this.#settle();
    if (this.complete) this.emit("ready", null);
  }

  /** @param {RequestError} error @param {string} id */
  #refused(error, id) {
    const shorter = error.code === "too_large" && !this.#target.devices; // without the revs that we have
    if (shorter) this.#stream.devices.clear();
    if (error.code === "timeout") this.#leave(id); // it may yet be taken up
    if (shorter || ["unavailable", "rate_limited", "timeout"].includes(error.code)) {
      this.#host.after(RETRY_MS, () => this.id !== null && this.take());
    } else if (error.code !== "disconnected" && error.code !== "closed") {
      this.#settle();
      this.emit("failed", error);
    }
  }

  /** @param {string} id */
  #leave(id) {
    this.#host.send({ type: "unsubscribe", id: newId(), sub: id });
  }

  #settle() {
    this.settled = true;
    this.#host.settled();
  }

  /** Take it up again from where it was whole. @param {string[]} gaps */
  #mend(gaps) {
    for (const device of gaps) this.#gaps.set(device, (this.#gaps.get(device) ?? 0) + 1);
    console.warn(`causeway: a gap in ${gaps.join(", ")}; asking again`);
    if (this.id) this.#leave(this.id);
    this.take();
    this.#host.settled();
  }
}

/**
 * As many as fit; the devices left out begin with a snapshot again.
 * @param {{[device: string]: number}} revs
 */
function fitting(revs) {
  let room = MOST_CHARS;
  return Object.fromEntries(
    Object.entries(revs).filter(([device, rev]) => (room -= device.length + String(rev).length + 4) >= 0),
  );
}

function newId() {
  return `s${++lastId}`;
}
