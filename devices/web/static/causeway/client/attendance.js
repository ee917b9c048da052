/** The places that a client's user attends, and who else is there. They survive any interruption. */

import { Emitter } from "./emitter.js";

/**
 * @import {AttendingPerson} from "./types.js"
 * @import {RequestError} from "./requests.js"
 */

/**
 * @typedef {AttendingPerson["doing"]} Doing  the weakest first: viewing, editing, commanding
 *
 * @typedef {object} AttendanceHost  What it asks of its client.
 * @property {() => boolean} isOpen
 * @property {(frame: object) => Promise<any>} request
 * @property {(delay_ms: number, callback: () => void) => void} after
 */

const RETRY_MS = 2_000; // after the server refused for a passing reason
const PASSING = ["rate_limited", "unavailable", "timeout"];
const AWAY = ["disconnected", "closed"]; // it is asked again when there is a connection, if ever
/** @type {Doing[]} */ const BY_STRENGTH = ["viewing", "editing", "commanding"];

/**
 * That somebody is at a place. Emits `people` whenever there are others, or it is not known any more who there is (null);
 * `failed` when the place can't be attended.
 * @extends {Emitter<{people: AttendingPerson[] | null, failed: RequestError}>}
 */
export class Stay extends Emitter {
  /** Who is there, oneself included; null while that is not known. @type {AttendingPerson[] | null} */
  people = null;
  #doing;
  #changed;

  /** @param {string} place @param {Doing} doing @param {(stay: Stay, here: boolean) => void} changed */
  constructor(place, doing, changed) {
    super();
    this.place = place;
    this.#doing = doing;
    this.#changed = changed;
  }

  /** What is done there. @returns {Doing} */
  get doing() {
    return this.#doing;
  }

  /** Do something else there. @param {Doing} doing */
  say(doing) {
    if (doing === this.#doing) return;
    this.#doing = doing;
    this.#changed(this, true);
  }

  /** Be there no longer. */
  leave() {
    this.#changed(this, false);
  }

  /** @param {AttendingPerson[] | null} people */
  show(people) {
    if (people === this.people) return;
    this.people = people;
    this.emit("people", people);
  }
}

/** All stays of one client. Several at one place are one for the server: the strongest doing. */
export class Attendance {
  #host;
  /** @type {Map<string, {stays: Set<Stay>, said: Doing | null, people: AttendingPerson[] | null}>} */ #places = new Map();

  /** @param {AttendanceHost} host */
  constructor(host) {
    this.#host = host;
  }

  /** @param {string} place @param {Doing} doing @returns {Stay} */
  enter(place, doing) {
    const at = this.#places.get(place) ?? { stays: new Set(), said: null, people: null };
    this.#places.set(place, at);
    const stay = new Stay(place, doing, (one, here) => {
      if (!here) at.stays.delete(one);
      this.#review(place);
    });
    at.stays.add(stay);
    stay.people = at.people;
    this.#review(place);
    return stay;
  }

  /** There is a connection: the server knows nothing of us. */
  opened() {
    for (const place of [...this.#places.keys()]) this.#review(place);
  }

  /** There is none any more. */
  lost() {
    for (const at of this.#places.values()) {
      at.said = null;
      show(at, null);
    }
  }

  /** @param {{place: string, people: AttendingPerson[]}} frame */
  received({ place, people }) {
    const at = this.#places.get(place);
    if (at) show(at, people);
  }

  /** Tell the server what it does not know of a place. @param {string} place */
  #review(place) {
    const at = this.#places.get(place);
    if (!at) return;
    const wanted = BY_STRENGTH.findLast((doing) => [...at.stays].some((stay) => stay.doing === doing));
    if (!wanted) {
      this.#places.delete(place);
      if (at.said) this.#host.request({ type: "leave", place }).catch(() => {}); // it is gone, or the server is
    } else if (wanted !== at.said && this.#host.isOpen()) {
      at.said = wanted;
      this.#host.request({ type: "attend", place, doing: wanted }).catch((error) => this.#refused(place, at, error));
    }
  }

  /** @param {string} place @param {{stays: Set<Stay>, said: Doing | null}} at @param {RequestError} error */
  #refused(place, at, error) {
    if (AWAY.includes(error.code) || this.#places.get(place) !== at) return;
    at.said = null;
    if (PASSING.includes(error.code)) return this.#host.after(RETRY_MS, () => this.#review(place));
    this.#places.delete(place);
    for (const stay of at.stays) {
      stay.show(null);
      stay.emit("failed", error);
    }
  }
}

/** @param {{stays: Set<Stay>, people: AttendingPerson[] | null}} at @param {AttendingPerson[] | null} people */
function show(at, people) {
  at.people = people;
  for (const stay of [...at.stays]) stay.show(people);
}
