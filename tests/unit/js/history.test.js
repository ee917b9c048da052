import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { History } from "../../../devices/web/frontend/src/lib/history.js";
import { settled } from "./helpers.js";

/** What the server has stored: a reading for each rev, at rev seconds, unless a test says otherwise. @type {any[]} */
let stored;
/** @type {any[]} */
let asked;
/** What holds the server's answers back. @type {Promise<void>} */
let gate;
/** @type {History} */
let history;

/** @param {number} rev @param {number} [ts] */
const reading = (rev, ts = rev * 1000) => ({ rev, ts, metrics: { t: rev } });

/** The device sends up to that rev. @param {number} rev */
function store(rev) {
  while (stored.length < rev) stored.push(reading(stored.length + 1));
}

/** As the API does it. @param {any} query */
async function fetch({ order, after_rev = 0, since = -Infinity, until = Infinity, cursor, limit }) {
  assert.equal(order, "newest");
  asked.push(cursor ? "cursor" : { after_rev, until });
  await gate;
  const [ts, rev] = cursor ? JSON.parse(cursor) : [Infinity, Infinity];
  const found = stored
    .filter((one) => one.rev > after_rev && one.ts >= since && one.ts < until)
    .filter((one) => one.ts < ts || (one.ts === ts && one.rev < rev))
    .sort((one, other) => other.ts - one.ts || other.rev - one.rev);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, next: found.length > limit ? JSON.stringify([last.ts, last.rev]) : null };
}

/** All values there are, in order. */
const values = () => [...history.of("t").values];
/** @param {number} from @param {number} to */
const range = (from, to) => [...Array(to - from + 1).keys()].map((offset) => from + offset);
/** All that is under way comes to its end. */
async function loaded() {
  do await settled();
  while (history.loading.value);
}

beforeEach(() => {
  stored = [];
  asked = [];
  gate = Promise.resolve();
  history = new History(fetch);
});

describe("what was before the page", () => {
  test("is fetched chunk by chunk, newest first, as far back as wanted", async () => {
    store(3_500);
    history.reach(2_200_000);
    history.reached(3_500);
    await loaded();
    assert.deepEqual(asked, [{ after_rev: 0, until: Infinity }, "cursor"]);
    assert.deepEqual(values(), range(2_200, 3_500), "and no further");
    assert.equal(history.since.value, 2_200_000);
  });

  test("goes further back when more is wanted later", async () => {
    store(3_500);
    history.reach(3_000_000);
    history.reached(3_500);
    await loaded();
    history.reach(0);
    await loaded();
    assert.deepEqual(values(), range(1, 3_500));
    assert.equal(history.since.value, 0);
  });

  test("joins what comes live meanwhile, without repeats", async () => {
    store(1_200);
    /** @type {() => void} */ let open = () => {};
    gate = new Promise((resolve) => (open = resolve));
    history.reach(0);
    history.reached(1_200);
    await settled();
    for (let rev = 1_201; rev <= 1_210; rev++) {
      store(rev);
      history.add([reading(rev)], rev);
    }
    store(1_220);
    open();
    await loaded();
    for (let rev = 1_211; rev <= 1_220; rev++) history.add([reading(rev)], rev);
    assert.deepEqual(values(), range(1, 1_220));
  });

  test("that can't be had is told, and asked for again when it is wanted again", async () => {
    store(10);
    gate = Promise.reject(new Error("the server is away"));
    history.reach(0);
    history.reached(10);
    await loaded();
    assert.equal(history.error.value, "the server is away");
    assert.equal(history.since.value, Infinity);
    gate = Promise.resolve();
    history.retry();
    await loaded();
    assert.equal(history.error.value, "");
    assert.deepEqual(values(), range(1, 10));
  });

  test("case d2: one old time among the newest hides nothing", async () => {
    store(6_000);
    stored[5_900].ts = 1_000;
    history.reach(0);
    history.reached(6_000);
    await loaded();
    assert.equal(values().length, 6_000);
    assert.deepEqual(values().slice(0, 3), [1, 5_901, 2], "it stands at its time");
  });

  test("case d2: an old time that comes live hides nothing", async () => {
    store(3_000);
    history.reach(2_500_000);
    history.reached(3_000);
    history.add([reading(3_001, 5)], 3_001);
    await loaded();
    assert.deepEqual(values(), [3_001, ...range(2_500, 3_000)]);
    history.reach(0);
    await loaded();
    assert.deepEqual(values(), [3_001, ...range(1, 3_000)]);
  });

  test("case d3: thousands of readings of the same time are all fetched", async () => {
    stored = range(1, 2_500).map((rev) => reading(rev, 7_000));
    history.reach(0);
    history.reached(2_500);
    await loaded();
    assert.deepEqual(values(), range(1, 2_500));
  });

  test("case d3: 10 Hz for six hours are all there", async () => {
    const now = 1_790_000_000_000;
    stored = range(1, 216_100).map((rev) => reading(rev, now + (rev - 216_100) * 100));
    const newestFirst = [...stored].reverse();
    let page = 0;
    history = new History(async ({ limit }) => {
      const items = newestFirst.slice(page++ * limit, page * limit);
      return { items, next: page * limit < newestFirst.length ? "more" : null };
    });
    history.reach(now - 6 * 3_600_000);
    history.reached(216_100);
    await loaded();
    assert.ok(values().length >= 216_000);
    assert.ok(history.since.value <= now - 6 * 3_600_000);
    assert.equal(history.full.value, false);
  });

  test("case d3: what is too much is left out and said", async () => {
    history = new History(fetch, 2_000);
    store(5_000);
    history.reach(0);
    history.reached(5_000);
    await loaded();
    assert.deepEqual(values(), range(3_001, 5_000));
    assert.equal(history.full.value, true);
    assert.equal(history.since.value, 3_001_001);
  });

  test("case d3: what comes live pushes the oldest out, and that is said", async () => {
    history = new History(fetch, 2_000);
    store(100);
    history.reach(0);
    history.reached(100);
    await loaded();
    for (let rev = 101; rev <= 5_000; rev++) history.add([reading(rev)], rev);
    const kept = values().length;
    assert.ok(kept > 1_500 && kept <= 2_200, `${kept} kept`);
    assert.deepEqual(values(), range(5_001 - kept, 5_000));
    assert.equal(history.full.value, true);
    assert.ok(history.since.value <= (5_001 - kept) * 1000 && history.since.value > (5_000 - kept) * 1000);
  });
});

describe("what nobody shows any more", () => {
  const SPARE_S = 600;
  /** A reading a second. @param {number} from @param {number} to */
  function live(from, to) {
    for (let rev = from; rev <= to; rev++) {
      store(rev);
      history.add([reading(rev)], rev);
    }
  }

  test("goes: of eight hours live there is what is shown, and a little more", async () => {
    const SHOWN_S = 900;
    let now = 0;
    history.show(() => (now - SHOWN_S) * 1000);
    history.reached(1);
    await loaded();
    for (let hour = 0; hour < 8; hour++) {
      for (let second = 0; second < 3_600; second += 60) {
        now = hour * 3_600 + second + 60;
        live(now - 59, now);
      }
      if (hour > 0) assert.ok(values().length <= SHOWN_S + 2 * SPARE_S + 60, `${values().length} after ${hour} h`);
      assert.deepEqual(values().slice(-SHOWN_S), range(now - SHOWN_S + 1, now));
    }
    assert.ok(history.since.value <= (now - SHOWN_S) * 1000);
    assert.equal(history.full.value, false);
  });

  test("is fetched again for who looks back, and stays for who still shows it", async () => {
    store(2_000);
    let now = 2_000;
    const leave = history.show(() => 0);
    history.show(() => now * 1000);
    history.reached(2_000);
    await loaded();
    now = 4_000;
    live(2_001, now);
    assert.deepEqual(values(), range(1, 4_000), "somebody shows all");
    leave();
    live(4_001, 4_001);
    assert.ok(values().length <= 2 * SPARE_S);
    assert.equal(history.since.value, (now - SPARE_S) * 1000);
    history.show(() => 1_500_000);
    await loaded();
    assert.deepEqual(values().slice(-2_502), range(1_500, 4_001));
  });

  test("is not let go while what is older is on its way", async () => {
    store(5_000);
    let now = 5_000;
    history.show(() => (now - 3_000) * 1000);
    history.reached(5_000);
    now = 8_000;
    history.add([reading(5_001)], 5_001);
    await loaded();
    assert.ok(history.since.value <= 2_000_000);
    assert.deepEqual(values().slice(-3_002), range(2_000, 5_001));
  });
});

describe("a snapshot further on", () => {
  test("leaves a hole, which is filled", async () => {
    store(5);
    history.reach(0);
    history.reached(5);
    await loaded();
    store(2_600);
    history.reached(2_600);
    history.add([reading(2_601)], 2_601);
    await loaded();
    assert.deepEqual(values(), range(1, 2_601));
    assert.equal(history.since.value, 0);
  });

  test("leaves a hole as far back as is wanted", async () => {
    store(5_000);
    history.reach(4_500_000);
    history.reached(5_000);
    await loaded();
    store(9_000);
    stored[8_999].ts = 1_000;
    history.reached(9_000);
    await loaded();
    assert.deepEqual(values(), range(4_500, 8_999), "nothing twice, nothing missing");
    history.reach(0);
    await loaded();
    assert.deepEqual(values(), [1, 9_000, ...range(2, 8_999)]);
  });

  test("may come again before the hole is filled", async () => {
    store(5);
    history.reach(0);
    history.reached(5);
    await loaded();
    /** @type {() => void} */ let open = () => {};
    gate = new Promise((resolve) => (open = resolve));
    store(1_500);
    history.reached(1_500);
    await settled();
    store(3_000);
    history.reached(3_000);
    open();
    await loaded();
    assert.deepEqual(values(), range(1, 3_000));
  });

  test("of the same rev asks for nothing", async () => {
    store(5);
    history.reach(0);
    history.reached(5);
    await loaded();
    asked = [];
    history.reached(5);
    await loaded();
    assert.deepEqual(asked, []);
  });
});

test("a snapshot of older data begins anew", async () => {
  store(50);
  history.reach(0);
  history.reached(50);
  await loaded();
  stored = [];
  store(20);
  history.reached(20);
  await loaded();
  assert.deepEqual(values(), range(1, 20));
});

test("revs that were no readings leave no hole", async () => {
  stored = [reading(1), reading(900), reading(2_500)];
  history.reach(0);
  history.reached(2_600);
  await loaded();
  assert.deepEqual(values(), [1, 900, 2_500]);
});
