/** A clock that only moves when told, and a WebSocket that only does what the test says. */

export class FakeClock {
  now_ms = 1_000_000;
  /** @type {Map<number, {at: number, callback: () => void}>} */
  timers = new Map();
  #last = 0;

  now = () => this.now_ms;

  /** @param {() => void} callback @param {number} delay */
  setTimeout = (callback, delay) => {
    this.timers.set(++this.#last, { at: this.now_ms + delay, callback });
    return this.#last;
  };

  /** @param {number} timer */
  clearTimeout = (timer) => {
    this.timers.delete(timer);
  };

  /** Let `ms` pass, running what falls due on the way, in order. @param {number} ms */
  async pass(ms) {
    const end = this.now_ms + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.now_ms = due[1].at;
      due[1].callback();
      await settled();
    }
    this.now_ms = end;
    await settled();
  }
}

export class FakeSocket {
  /** @type {FakeSocket[]} */
  static made = [];
  /** @type {any[]} */
  sent = [];
  closed = false;
  #n = 0;
  /** @type {(() => void) | null} */ onopen = null;
  /** @type {((message: {data: string}) => void) | null} */ onmessage = null;
  /** @type {((closed: {code: number}) => void) | null} */ onclose = null;
  /** @type {((error: object) => void) | null} */ onerror = null;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeSocket.made.push(this);
  }

  static get latest() {
    return /** @type {FakeSocket} */ (FakeSocket.made.at(-1));
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  open() {
    this.onopen?.();
  }

  /** The server sends one frame, numbered unless it brings its own number. @param {any} frame */
  async says(frame) {
    this.#n += 1;
    this.onmessage?.({ data: JSON.stringify({ n: this.#n, ...frame }) });
    await settled();
  }

  /** @param {number} code */
  breaks(code = 1006) {
    this.onclose?.({ code });
  }

  /** As the package `ws` fails: an error that nobody hears ends the program. */
  fails() {
    if (!this.onerror) throw new Error("Unhandled 'error' event");
    this.onerror({ type: "error" });
  }

  /** The last frame of that type that the client sent. @param {string} type */
  asked(type) {
    return this.sent.findLast((frame) => frame.type === type);
  }
}

/** Everything that promises have ready has run. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** @param {FakeClock} clock @returns {any} */
export function environment(clock) {
  const { now, setTimeout, clearTimeout } = clock;
  return { WebSocket: FakeSocket, now, setTimeout, clearTimeout, random: () => 0 };
}

/** Small repeatable randomness (mulberry32). @param {number} seed */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
