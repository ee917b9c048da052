import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Series } from "../../../devices/web/frontend/src/lib/series.js";
import { recent, runs } from "../../../devices/web/frontend/src/lib/trace.js";
import { seeded } from "./helpers.js";

describe("series", () => {
  /** Points with revs as they come. @param {[ts: number, value: any][]} points */
  function series(...points) {
    const made = new Series();
    points.forEach(([ts, value], index) => made.add([ts, index + 1, value]));
    return made;
  }

  test("late points find their place", () => {
    assert.deepEqual([...series([1, 1], [3, 3], [2, 2], [3, 4]).values], [1, 2, 3, 4]);
  });

  test("what came after a younger one is marked as late, at its own time", () => {
    const made = series([1000, 1], [4000, 4], [2000, 2], [3000, 3], [4000, 5], [5000, 6]);
    assert.deepEqual([...made.late].sort(), [3, 4]);
    assert.deepEqual(made.view(0, 6000)[2], [null, 2, 3, null, null, null]);
    made.forget(2500);
    assert.deepEqual([...made.late], [4]);
  });

  test("of many points in a column one that is late shows", () => {
    const made = new Series();
    const steps = [...Array(1000).keys()].map((ms) => /** @type {[number, number, number]} */ ([ms, ms + 1, 5]));
    made.merge(steps.filter(([ts]) => ts !== 333));
    made.add([333, 5000, 5]);
    const [xs, , lates] = made.view(0, 1000, 10);
    assert.ok(xs.length < 100);
    assert.deepEqual(xs.filter((_, index) => lates[index] !== null), [0.333]);
  });

  test("in whichever order they become known, the same are late", () => {
    const random = seeded(7);
    for (let round = 0; round < 200; round++) {
      const count = 1 + Math.floor(random() * 12);
      const points = [...Array(count).keys()].map((nth) => /** @type {[number, number, number]} */ ([Math.floor(random() * 8), nth + 1, 0]));
      const isLate = (/** @type {[number, number, number]} */ [ts, rev]) => points.some((other) => other[1] < rev && other[0] > ts);
      const wanted = points.filter(isLate).map(([, rev]) => rev);
      const made = new Series();
      for (const point of [...points].sort(() => random() - 0.5)) {
        made.add(point);
        if (random() < 0.3) made.late;
      }
      assert.deepEqual([...made.late].sort((a, b) => a - b), wanted);
    }
  });

  test("a view has one point beyond either edge", () => {
    const points = [0, 1, 2, 3, 4, 5].map(
      (second) => /** @type {[number, number]} */ ([second * 1000, second]),
    );
    assert.deepEqual(series(...points).view(2000, 3500), [
      [2, 3, 4],
      [2, 3, 4],
      [null, null, null],
    ]);
  });

  test("long silence breaks the line", () => {
    assert.deepEqual(series([0, 1], [1000, 2], [60_000, 3]).view(0, 60_000)[1], [1, 2, null, 3]);
  });

  test("a slow device's usual steps don't", () => {
    assert.deepEqual(series([0, 1], [60_000, 2], [120_000, 3]).view(0, 120_000)[1], [1, 2, 3]);
  });

  test("case i11: a null or a text among numbers is a gap, and the metric stays one that is drawn", () => {
    for (const odd of [null, "None", ""]) {
      const made = series([1000, 1], [2000, odd], [3000, 3]);
      assert.deepEqual(made.view(0, 4000), [
        [1, 2, 3],
        [1, null, 3],
        [null, null, null],
      ]);
      assert.deepEqual(made.has, { number: true, boolean: false, text: odd !== null });
    }
  });

  test("booleans are drawn", () => {
    const made = series([1, true], [2, "x"], [3, false]);
    assert.deepEqual([...made.values], [1, NaN, 0]);
    assert.deepEqual(made.has, { number: false, boolean: true, text: true });
  });

  test("values between two times are as they came, texts and what held before too; what is forgotten is gone", () => {
    const made = series([1000, "heat"], [2000, null], [3000, "idle"], [4000, true]);
    assert.deepEqual(made.between(2000, 4000), [[2000, null], [3000, "idle"]]);
    assert.deepEqual(made.between(1500, 3000, true), [[1000, "heat"], [2000, null]]);
    made.forget(1500);
    assert.deepEqual(made.between(0, 9000), [[2000, null], [3000, "idle"], [4000, true]]);
    assert.deepEqual(series([1, 1], [2, 0]).between(0, 9), [[1, 1], [2, 0]]);
  });

  test("a reading counts once", () => {
    const made = series([10, 3]);
    assert.equal(made.add([10, 1, 3]), false);
    assert.equal(made.add([10, 2, 4]), true);
    assert.equal(made.merge([[10, 1, 3], [10, 2, 4], [10, 3, 5]]), 1); // prettier-ignore
    assert.deepEqual([...made.values], [3, 4, 5]);
  });

  test("merged in any pieces it is the same", () => {
    const random = seeded(7);
    for (let round = 0; round < 200; round++) {
      const all = [...Array(40).keys()].map(
        (rev) => /** @type {[number, number, number]} */ ([Math.floor(random() * 20), rev, rev]),
      );
      const inOrder = [...all].sort(([a, p], [b, q]) => a - b || p - q);
      const made = new Series();
      let count = 0;
      for (let piece = 0; piece < 6; piece++) {
        const some = inOrder.filter(() => random() < 0.4);
        if (piece % 2 === 0) count += made.merge(some);
        else for (const point of some) count += Number(made.add(point));
      }
      count += made.merge(inOrder);
      assert.equal(count, all.length);
      assert.deepEqual([...made.revs], inOrder.map(([, rev]) => rev)); // prettier-ignore
    }
  });

  test("what is older is forgotten", () => {
    const made = series([1, 1], [2, 2], [2, 3], [3, 4]);
    assert.equal(made.forget(2), 1);
    assert.deepEqual([...made.times], [2, 2, 3]);
  });

  test("many points are thinned out to what shows: edges, extremes and gaps", () => {
    const made = new Series();
    for (let at = 0; at < 100_000; at++) {
      const value = at === 54_321 ? 99 : at === 70_000 ? null : at % 2;
      made.add([at * 100, at + 1, value]);
    }
    const [xs, ys] = made.view(0, 10_000_000, 500);
    assert.ok(xs.length < 3_000, `${xs.length} points`);
    assert.ok(ys.includes(99));
    assert.equal(xs[ys.indexOf(99)], 5432.1);
    assert.equal(ys.filter((value) => value === null).length, 1);
    assert.deepEqual([xs[0], xs.at(-1)], [0, 9999.9]);
    assert.deepEqual([...xs].sort((a, b) => a - b), xs); // prettier-ignore
  });
});

describe("a trend", () => {
  /** @param {[ts: number, value: number | null][]} points */
  const traced = (...points) => points.map(([ts, value], index) => ({ ts, rev: index + 1, value }));

  test("is in order of time, broken by silence and by what is no number", () => {
    const points = traced([1000, 1], [3000, null], [2000, 2], [4000, 4], [90_000, 5]);
    assert.deepEqual(runs(recent(points)), [[[1000, 1], [2000, 2]], [[4000, 4]], [[90_000, 5]]]); // prettier-ignore
  });

  test("case d2: one value of long ago does not push the others into a corner", () => {
    const points = [...Array(9).keys()].map((at) => /** @type {[number, number]} */ ([1e9 + at * 1000, at]));
    assert.equal(recent(traced(...points, [1, 0], [1e9 + 9000, 9])).length, 10);
    assert.equal(recent(traced([1, 0], ...points)).length, 10, "what was before a silence did not come late");
  });
});
