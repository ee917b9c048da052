import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { formatRate, missing, rateOf, rateSeries } from "../../../devices/web/frontend/src/lib/rates.js";

/** @param {number} at @param {Partial<import("../../../devices/web/static/causeway/client/types.js").Ledger>} counts */
function sample(at, counts) {
  const none = { received: 0, applied: 0, duplicate: 0, quarantined: 0, rejected: 0, dropped: 0, in_flight: 0 };
  return { at, ledger: { ...none, balanced: true, reasons: {}, shards: [], gateways: [], ...counts } };
}

describe("rates", () => {
  test("are not known from one sample", () => {
    assert.equal(rateOf([]), null);
    assert.equal(rateOf([sample(0, { received: 5 })]), null);
    assert.equal(rateOf([sample(0, { received: 5 }), sample(0, { received: 5 })]), null);
  });

  test("are a second, over the last ten seconds only", () => {
    const samples = [
      sample(0, { received: 0 }),
      sample(20_000, { received: 9_000, applied: 9_000 }),
      sample(25_000, { received: 9_500, applied: 9_450, rejected: 25 }),
    ];
    assert.deepEqual(rateOf(samples), {
      received: 100,
      applied: 90,
      duplicate: 0,
      quarantined: 0,
      rejected: 5,
      dropped: 0,
    });
  });

  test("are not known after the counts began anew", () => {
    assert.equal(rateOf([sample(0, { received: 100 }), sample(2000, { received: 3 })]), null);
  });

  test("follow each other for the chart, one between two samples", () => {
    const samples = [0, 2, 2, 6].map((count, index) => sample(index * 1000, { received: count }));
    assert.deepEqual(rateSeries(samples), [2, 0, 4]);
    assert.deepEqual(rateSeries([sample(5, {}), sample(5, { received: 9 })]), []);
  });
});

test("what is missing is received less all that is known of it", () => {
  const balanced = { received: 21, applied: 1, duplicate: 2, quarantined: 3, rejected: 4, dropped: 5, in_flight: 6 };
  assert.equal(missing(sample(0, balanced).ledger), 0);
  assert.equal(missing(sample(0, { ...balanced, received: 22 }).ledger), 1);
  assert.equal(missing(sample(0, { ...balanced, applied: 4 }).ledger), -3);
});

test("a rate is short", () => {
  assert.deepEqual([0, 0.04, 0.44, 9.94, 9.97, 12.4, 4310].map(formatRate), ["0", "0.0", "0.4", "9.9", "10", "12", "4,310"]);
});
