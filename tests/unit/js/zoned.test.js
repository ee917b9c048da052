/** Moments as clocks in a zone show them, and back. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { clockOf, momentOf } from "../../../devices/web/frontend/src/words/zoned.js";

const at = (/** @type {string} */ text) => Date.parse(text);

test("a moment is shown as clocks there show it, and found again", () => {
  for (const zone of ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]) {
    for (const moment of ["2026-07-01T12:30:05Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"]) {
      assert.equal(momentOf(clockOf(at(moment), zone), zone), at(moment), `${zone} ${moment}`);
    }
  }
  assert.equal(clockOf(at("2026-12-01T09:30:00Z"), "Europe/Berlin"), "2026-12-01T10:30:00");
  assert.equal(momentOf("2026-12-01T10:30", "Europe/Berlin"), at("2026-12-01T09:30:00Z"));
});

test("of an hour that comes twice the first is meant", () => {
  assert.equal(momentOf("2026-10-25T02:30", "Europe/Berlin"), at("2026-10-25T00:30:00Z"));
});

test("in an hour that is left out the time is as much later", () => {
  assert.equal(momentOf("2026-03-29T02:30", "Europe/Berlin"), at("2026-03-29T01:30:00Z"));
});

test("what is no time is none", () => {
  assert.equal(momentOf("", "UTC"), null);
  assert.equal(momentOf("2026-13-01T00:00", "UTC"), null);
});
