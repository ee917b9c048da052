/**
 * The server's time, however wrong this computer's clock is: measured by the `Date` of answers. Pure but for being
 * changed in place.
 *
 * `Date` has whole seconds, and an answer takes time: each gives bounds for the difference between the two clocks. What
 * several answers have in common is known more closely than any of them says.
 */

const SECOND_MS = 1000;

export class ServerClock {
  #local;
  #offset_ms = 0;
  /** @type {[low: number, high: number]} */ #bounds = [-Infinity, Infinity];

  /** @param {() => number} local  this computer's clock, Unix ms */
  constructor(local = Date.now) {
    this.#local = local;
  }

  /** Unix ms */
  now() {
    return this.#local() + this.#offset_ms;
  }

  /**
   * An answer came.
   * @param {number} date_ms  its `Date`, Unix ms
   * @param {number} asked_ms  when it was asked for, by this computer's clock
   * @param {number} answered_ms  when it was here, likewise
   */
  heard(date_ms, asked_ms, answered_ms) {
    const [low, high] = [date_ms - answered_ms, date_ms + SECOND_MS - asked_ms];
    if (!(low <= high)) return; // no date, or this computer's clock was set meanwhile
    const both = /** @type {[number, number]} */ ([
      Math.max(low, this.#bounds[0]),
      Math.min(high, this.#bounds[1]),
    ]);
    this.#bounds = both[0] <= both[1] ? both : [low, high]; // nothing in common: a clock was set, or drifts
    const [least, most] = this.#bounds;
    if (this.#offset_ms < least || this.#offset_ms > most) this.#offset_ms = (least + most) / 2;
  }
}
