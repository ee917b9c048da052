import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { History } from "../../../devices/web/static/causeway/device/history.js";
import { settled } from "./helpers.js";

/** What the server has stored: a reading for each rev, at rev seconds. @type {any[]} */
let stored;
/** @type {number[]} */
let asked;
/** What holds the server's answers back. @type {Promise<void>} */
let gate;
/** @type {History} */
let history;

/** @param {number} rev */
const reading = (rev) => ({ rev, ts: rev * 1000, metrics: { t: rev } });

/** The device sends up to that rev. @param {number} rev */
function store(rev) {
  while (stored.length < rev) stored.push(reading(stored.length + 1));
}

/** @param {{after_rev: number, limit: number}} query */
async function fetch({ after_rev, limit }) {
  asked.push(after_rev);
  await gate;
  const found = stored.filter(({ rev }) => rev > after_rev);
  return { items: found.slice(0, limit), next: found.length > limit ? "more" : null };
}

/** All values there are, in order. */
const values = () => history.of("t").values;
/** @param {number} from @param {number} to */
const range = (from, to) => [...Array(to - from + 1).keys()].map((offset) => from + offset);

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
    await settled();
    assert.deepEqual(asked, [2_500, 1_500]);
    assert.deepEqual(values(), range(1_501, 3_500));
  });

  test("goes further back when more is wanted later", async () => {
    store(3_500);
    history.reach(3_000_000);
    history.reached(3_500);
    await settled();
    history.reach(0);
    await settled();
    assert.deepEqual(values(), range(1, 3_500));
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
    open();
    await settled();
    assert.deepEqual(values(), range(1, 1_210));
  });

  test("that can't be had is told, and asked for again when it is wanted again", async () => {
    store(10);
    gate = Promise.reject(new Error("the server is away"));
    history.reach(0);
    history.reached(10);
    await settled();
    assert.equal(history.error.value, "the server is away");
    assert.equal(history.loading.value, false);
    gate = Promise.resolve();
    history.reach(0);
    await settled();
    assert.equal(history.error.value, "");
    assert.deepEqual(values(), range(1, 10));
  });
});

describe("a snapshot further on", () => {
  test("leaves a hole, which is filled", async () => {
    store(5);
    history.reach(0);
    history.reached(5);
    await settled();
    store(2_600);
    history.reached(2_600);
    history.add([reading(2_601)], 2_601);
    await settled();
    assert.deepEqual(values(), range(1, 2_601));
  });

  test("of the same rev asks for nothing", async () => {
    store(5);
    history.reach(0);
    history.reached(5);
    await settled();
    asked = [];
    history.reached(5);
    await settled();
    assert.deepEqual(asked, []);
  });
});

test("revs that were no readings leave no hole", async () => {
  stored = [reading(1), reading(900), reading(2_500)];
  history.reach(0);
  history.reached(2_600);
  await settled();
  assert.deepEqual(values(), [1, 900, 2_500]);
});
