/** What charts show, as CSV. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { csvOf, linesOf } from "../../../devices/web/frontend/src/device/telemetry/charts/saved/csv.js";

const base = { device: "demo/lamp", metric: "t", complete_since: 0 };

test("a line a value, quoted where it must be, no formulas", () => {
  const text = csvOf([[0, "demo/a", "x", 1.5], [1000, "demo/a", "x", 'a,"b"'], [2000, "demo/a", "x", "=1+1"], [3000, "demo/a", "x", -1]]);
  assert.deepEqual(text.split("\r\n"), [
    "time,device,metric,value,min,max,share",
    "1970-01-01T00:00:00.000Z,demo/a,x,1.5",
    '1970-01-01T00:00:01.000Z,demo/a,x,"a,""b"""',
    "1970-01-01T00:00:02.000Z,demo/a,x,'=1+1",
    "1970-01-01T00:00:03.000Z,demo/a,x,-1",
    "",
  ]);
});

test("raw values, buckets and shares", () => {
  assert.deepEqual(linesOf({ ...base, bucket_ms: 0, ts: [1, 2], last: [5, null] }), [[1, "demo/lamp", "t", 5]]);
  assert.deepEqual(linesOf({ ...base, bucket_ms: 60, ts: [60], mean: [2], min: [1], max: [3] }), [[60, "demo/lamp", "t", 2, 1, 3]]);
  assert.deepEqual(linesOf({ ...base, bucket_ms: 60, ts: [60], shares: [{ on: 0.25, off: 0.75 }] }), [
    [60, "demo/lamp", "t", "on", null, null, 0.25],
    [60, "demo/lamp", "t", "off", null, null, 0.75],
  ]);
});
