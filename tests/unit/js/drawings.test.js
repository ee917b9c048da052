/** What `GET /series` answers, as it is drawn. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { drawing, joined, nothing } from "../../../devices/web/frontend/src/device/telemetry/charts/drawings.js";

const T0 = 1_790_000_000_000;
const S = 1_000;
const base = { device: "demo/lamp", metric: "t", complete_since: T0 };

test("raw values stand where they are, with gaps", () => {
  const drawn = drawing({ ...base, bucket_ms: 0, ts: [T0, T0 + S, T0 + 2 * S], last: [1, null, 3] });
  assert.deepEqual(drawn.xs, [T0 / 1000, T0 / 1000 + 1, T0 / 1000 + 2]);
  assert.deepEqual(drawn.ys, [1, null, 3]);
  assert.deepEqual(drawn.lows, drawn.ys);
});

test("booleans are 0 and 1, texts nothing", () => {
  const drawn = drawing({ ...base, bucket_ms: 0, ts: [T0, T0 + S, T0 + 2 * S], last: [true, false, "x"] });
  assert.deepEqual(drawn.ys, [1, 0, null]);
});

test("buckets stand at their middle, their means as the line, from the least to the greatest as the band", () => {
  const drawn = drawing({ ...base, bucket_ms: 60 * S, ts: [T0, T0 + 60 * S], mean: [2, 3], min: [1, 2], max: [4, 9] });
  assert.deepEqual(drawn.xs, [T0 / 1000 + 30, T0 / 1000 + 90]);
  assert.deepEqual([drawn.ys, drawn.lows, drawn.highs], [[2, 3], [1, 2], [4, 9]]);
});

test("of a boolean the part of the time in which it was on", () => {
  const drawn = drawing({ ...base, bucket_ms: 60 * S, ts: [T0, T0 + 60 * S], shares: [{ true: 0.25, false: 0.75 }, { false: 1 }] });
  assert.deepEqual(drawn.ys, [0.25, 0]);
});

test("numbers that share a metric with texts are drawn as they are, not as nothing that was on", () => {
  const shares = [{ "21.5": 0.7, None: 0.3 }, { "22": 0.1, None: 0.9 }];
  const drawn = drawing({ ...base, bucket_ms: 60 * S, ts: [T0, T0 + 60 * S], shares });
  assert.deepEqual([drawn.ys, drawn.lows, drawn.highs], [[21.5, null], [21.5, null], [21.5, null]]);
});

test("no line over a long silence", () => {
  const ts = [0, 1, 2, 3, 50, 51].map((minute) => T0 + minute * 60 * S);
  const drawn = drawing({ ...base, bucket_ms: 60 * S, ts, mean: [1, 1, 1, 1, 2, 2], min: [1, 1, 1, 1, 2, 2], max: [1, 1, 1, 1, 2, 2] });
  assert.deepEqual(drawn.ys, [1, 1, 1, 1, null, 2, 2]);
});

test("what has come live since is joined without a seam", () => {
  const drawn = drawing({ ...base, bucket_ms: 0, ts: [T0, T0 + S], last: [1, 2] });
  const live = /** @type {[number[], (number | null)[]]} */ ([[T0 / 1000 + 1, T0 / 1000 + 2, T0 / 1000 + 3], [2, null, 4]]);
  const all = joined(drawn, live, T0 + 2 * S);
  assert.deepEqual(all.xs, [T0 / 1000, T0 / 1000 + 1, T0 / 1000 + 2, T0 / 1000 + 3]);
  assert.deepEqual(all.ys, [1, 2, null, 4]);
  assert.deepEqual(joined(nothing(), [[], []], T0), nothing());
});

test("no line over a silence in which it was asked", () => {
  const minute = 60 * S;
  const ts = [T0, T0 + minute, T0 + 2 * minute];
  const drawn = drawing({ ...base, bucket_ms: minute, ts, mean: [1, 1, 1], min: [1, 1, 1], max: [1, 1, 1] });
  const live = (/** @type {number} */ minutes) => /** @type {[number[], number[]]} */ ([[(T0 + minutes * minute) / 1000], [2]]);
  assert.deepEqual(joined(drawn, live(300), T0 + 200 * minute).ys, [1, 1, 1, null, 2]);
  assert.deepEqual(joined(drawn, live(4), T0 + 3 * minute).ys, [1, 1, 1, 2]);
  assert.deepEqual(joined(nothing(), live(300), T0 + 200 * minute).ys, [2], "nothing was before");
});
