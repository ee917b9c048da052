/** Stretches of time moved and scaled. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { moved, scaled } from "../../../devices/web/frontend/src/device/telemetry/charts/moves.js";

const NOW = 1_790_000_000_000;
const MIN = 60_000;

test("a stretch moves by a part of its width, not beyond now", () => {
  assert.deepEqual(moved([NOW - 20 * MIN, NOW - 10 * MIN], -0.5, NOW), [NOW - 25 * MIN, NOW - 15 * MIN]);
  assert.deepEqual(moved([NOW - 20 * MIN, NOW - 10 * MIN], 3, NOW), [NOW - 10 * MIN, NOW]);
});

test("a stretch is scaled around the place that was pointed at", () => {
  assert.deepEqual(scaled([NOW - 20 * MIN, NOW - 10 * MIN], 0.5, 0, NOW), [NOW - 20 * MIN, NOW - 15 * MIN]);
  assert.deepEqual(scaled([NOW - 20 * MIN, NOW - 10 * MIN], 0.5, 1, NOW), [NOW - 15 * MIN, NOW - 10 * MIN]);
  assert.deepEqual(scaled([NOW - 10 * MIN, NOW], 2, 0.5, NOW), [NOW - 20 * MIN, NOW], "it ends now");
});

test("a stretch is neither shorter than can be told apart nor longer than is kept", () => {
  const [from, to] = scaled([NOW - MIN, NOW], 1e-6, 0.5, NOW);
  assert.equal(to - from, 5_000);
  const [begin, end] = scaled([NOW - MIN, NOW], 1e9, 0.5, NOW);
  assert.equal(end - begin, 366 * 86_400_000);
});
