import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { described } from "../../../devices/web/frontend/src/lib/described.js";
import { controlOf, readText, standingOf } from "../../../devices/web/frontend/src/device/controls/settable.js";

const AT = Date.UTC(2026, 0, 1);

/** @param {import("#client/types.js").JsonObject} property */
function one(property) {
  const found = described({ properties: [{ metric: "m", settable: true, ...property }] }).properties.get("m");
  assert.ok(found);
  return found;
}

/** @param {string} status @param {import("#client/types.js").JsonObject} args @param {number} [at] @returns {any} */
const set = (status, args, at = AT) => ({ name: "set", status, args, created_at: new Date(at).toISOString() });

test("the control follows from the property", () => {
  /** @type {[import("#client/types.js").JsonObject, string][]} */
  const cases = [
    [{ kind: "boolean" }, "switch"],
    [{ kind: "enum", values: ["a"] }, "select"],
    [{ kind: "enum" }, "text"],
    [{ kind: "number", low: 0, high: 100 }, "slider"],
    [{ kind: "number", low: 0, high: 65535 }, "number"],
    [{ kind: "number", low: 5, high: 30, step: 0.5 }, "slider"],
    [{ kind: "number", low: 5 }, "number"],
    [{ kind: "number", low: 5, high: 5 }, "number"],
    [{ kind: "json" }, "text"],
  ];
  for (const [property, control] of cases) assert.equal(controlOf(one(property)), control, JSON.stringify(property));
});

describe("what was set", () => {
  test("is pending until it is reported, even if it was so before", () => {
    const commands = [set("sent", { m: true })];
    assert.equal(standingOf(commands, "m", undefined).state, "pending");
    assert.equal(standingOf(commands, "m", { value: true, ts: AT - 1 }).state, "pending");
    assert.equal(standingOf(commands, "m", { value: false, ts: AT + 1 }).state, "pending");
    assert.equal(standingOf(commands, "m", { value: true, ts: AT + 1 }).state, "settled");
  });

  test("ends with its command, as that says", () => {
    for (const status of ["failed", "rejected", "expired", "unconfirmed"])
      assert.equal(standingOf([set(status, { m: 1 })], "m", { value: 0, ts: AT - 1 }).state, "failed", status);
    for (const status of ["done", "cancelled"])
      assert.equal(standingOf([set(status, { m: 1 })], "m", { value: 0, ts: AT - 1 }).state, "settled", status);
  });

  test("is what the last command for it said", () => {
    const commands = [set("sent", { other: 1 }), set("sent", { m: 2 }), set("failed", { m: 3 }), { ...set("sent", { m: 9 }), name: "go" }];
    assert.equal(standingOf(commands, "m", undefined).wanted, 2);
    assert.equal(standingOf(commands, "toString", undefined).state, "settled");
  });
});

test("what is typed is a number, a text or JSON", () => {
  assert.equal(readText(one({ kind: "number" }), " 21,5 "), 21.5);
  assert.equal(readText(one({ kind: "number" }), "-0"), 0);
  for (const text of ["", "x", "1e999"]) assert.equal(readText(one({ kind: "number" }), text), undefined);
  assert.equal(readText(one({ kind: "text" }), "on "), "on ");
  assert.deepEqual(readText(one({ kind: "json" }), '{"r": 1}'), { r: 1 });
  assert.equal(readText(one({ kind: "json" }), "{"), undefined);
});
