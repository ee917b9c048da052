/** Marks on the axis of time. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { marksOf, spellsOf } from "../../../devices/web/frontend/src/device/telemetry/charts/marks/placed.js";

/** @param {number} at */
const event = (at) => /** @type {const} */ ({ kind: "event", id: String(at), at, text: "door" });

test("marks stand at their time, in order; those too close together are one", () => {
  const marks = marksOf([event(90), event(10), event(12), event(-5), event(101)], 0, 100, 0.05);
  assert.deepEqual(marks.map(({ share, all }) => [share, all.length]), [[0.1, 2], [0.9, 1]]);
});

test("presence lasts until the next one, the last until now, and what was before the stretch counts", () => {
  const statuses = [{ status: "offline", since: 50 }, { status: "offline", since: 51 }, { status: "online", since: -100 }];
  assert.deepEqual(spellsOf(statuses, 0, 100, 80), [
    { status: "online", from: 0, to: 0.5 },
    { status: "offline", from: 0.5, to: 0.8 },
  ]);
  assert.deepEqual(spellsOf([{ status: "online", since: 40 }], 0, 100, 200), [{ status: "online", from: 0.4, to: 1 }]);
});
