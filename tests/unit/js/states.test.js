/** States over time, as timelines show them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { joinedPieces, pieceAt, piecesOf, piecesOfSeries } from "../../../devices/web/frontend/src/device/telemetry/charts/states.js";

const S = 1_000;
const base = { device: "demo/lamp", metric: "mode", complete_since: 0 };
/** @param {import("../../../devices/web/frontend/src/device/telemetry/charts/states.js").Piece[]} pieces */
const brief = (pieces) => pieces.map(({ from, to, shares, isSilent }) => `${from / S}-${to / S} ${shares.map(([value]) => value)}${isSilent ? "?" : ""}`);

test("a value holds until the next one; null ends it; equal ones are one piece", () => {
  assert.deepEqual(brief(piecesOf([[0, "heat"], [5 * S, "heat"], [10 * S, "idle"], [15 * S, null], [20 * S, true]], 24 * S)), ["0-10 heat", "10-15 idle", "20-24 true"]);
});

test("where nothing came for long it is so only as far as is known", () => {
  assert.deepEqual(brief(piecesOf([[0, "heat"], [S, "idle"], [100 * S, "heat"]], 101 * S)), ["0-1 heat", "1-11 idle", "11-100 idle?", "100-101 heat"]);
});

test("buckets have shares; what isn't listed is empty", () => {
  const shares = [{ heat: 0.25, idle: 0.75 }, { idle: 1 }, { heat: 1 }];
  const pieces = piecesOfSeries({ ...base, bucket_ms: 60 * S, ts: [0, 60 * S, 600 * S], shares }, 640 * S);
  assert.deepEqual(brief(pieces), ["0-60 heat,idle", "60-120 idle", "600-640 heat"]);
  assert.deepEqual(pieceAt(pieces, 30 * S)?.shares, [["heat", 0.25], ["idle", 0.75]]);
  assert.equal(pieceAt(pieces, 300 * S), undefined);
});

test("what comes live stands behind what was asked for, nothing twice", () => {
  const pieces = piecesOfSeries({ ...base, bucket_ms: 0, ts: [0, 5 * S], last: ["heat", "idle"] }, 10 * S);
  assert.deepEqual(brief(joinedPieces(pieces, [[5 * S, "idle"], [12 * S, "heat"]], 10 * S, 15 * S)), ["0-5 heat", "5-10 idle", "10-12 idle", "12-15 heat"]);
  assert.deepEqual(brief(joinedPieces(pieces, [], 10 * S, 11 * S)), ["0-5 heat", "5-10 idle", "10-11 idle"]);
});
