import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { batteryOf, described, sayValue, schemaOf, signalOf } from "../../../devices/web/frontend/src/lib/described.js";
import { setLocale } from "../../../devices/web/frontend/src/words/locale.js";

afterEach(() => setLocale({}));

/** @param {import("#client/types.js").JsonObject} property */
const one = (property) => described({ properties: [{ metric: "m", ...property }] }).properties.get("m");
/** @param {number | boolean | string} value */
const metric = (value) => ({ value, ts: 1 });

describe("a description", () => {
  test("of which nothing is known says nothing", () => {
    for (const none of [undefined, null, [], "x", { properties: "none", actions: [1], name: 7 }]) {
      const { texts, properties, actions, stale_after_s, withdrawn } = described(none);
      assert.deepEqual([texts.name, texts.via, properties.size, actions, stale_after_s, withdrawn], ["", "", 0, [], null, false]);
    }
  });

  test("a property without a label is called by its metric, and can be had", () => {
    const property = one({ kind: "number" });
    assert.deepEqual([property?.label, property?.available, property?.settable, property?.kind], ["m", true, false, "number"]);
  });
});

describe("values in words", () => {
  test("numbers have the decimals of their step, and more where they are between two", () => {
    /** @type {[number, number, string][]} */
    const cases = [
      [21.4, 0.5, "21.4"],
      [21.5, 0.5, "21.5"],
      [22, 0.5, "22.0"],
      [80, 1, "80"],
      [0.30000000000000004, 0.1, "0.3"],
      [7, 0, "7"],
      [-0, 1, "0"],
    ];
    for (const [value, step, text] of cases) assert.equal(sayValue(one({ kind: "number", step }), value), text);
  });

  test("a boolean by what is measured", () => {
    assert.equal(sayValue(one({ kind: "boolean", class: "door" }), true), "open");
    assert.equal(sayValue(one({ kind: "boolean", class: "constructor" }), false), "off");
    setLocale({ language: "de" });
    assert.equal(sayValue(one({ kind: "boolean", class: "moisture" }), false), "trocken");
  });

  test("an enum without its underscores, a text as it is", () => {
    assert.equal(sayValue(one({ kind: "enum", values: ["heat_cool"] }), "heat_cool"), "heat cool");
    assert.equal(sayValue(one({ kind: "text" }), "heat_cool"), "heat_cool");
    assert.equal(sayValue(undefined, "heat_cool"), "heat_cool");
    assert.equal(sayValue(one({ kind: "enum" }), undefined), "–");
  });
});

describe("battery and signal", () => {
  const plain = described(undefined);

  test("by class before name", () => {
    const what = described({ properties: [{ metric: "cell", class: "battery", unit: "%" }] });
    assert.deepEqual(batteryOf(what, { cell: metric(12), battery: metric(80) }), { metric: "cell", share: 0.12, weak: true });
    assert.deepEqual(batteryOf(plain, { battery: metric(80) }), { metric: "battery", share: 0.8, weak: false });
  });

  test("low or not, and volts of which nobody knows how full that is", () => {
    const low = described({ properties: [{ metric: "low", kind: "boolean", class: "battery" }] });
    assert.deepEqual(batteryOf(low, { low: metric(true) }), { metric: "low", share: null, weak: true });
    const volts = described({ properties: [{ metric: "u", class: "battery", unit: "V" }] });
    assert.deepEqual(batteryOf(volts, { u: metric(2.9) }), { metric: "u", share: null, weak: false });
  });

  test("none where there is none", () => {
    assert.equal(batteryOf(plain, { t: metric(1) }), null);
    assert.equal(signalOf(plain, { rssi: metric("good") }), null);
  });

  test("dBm, link quality and per cent", () => {
    assert.deepEqual(signalOf(plain, { linkquality: metric(51) }), { metric: "linkquality", share: 0.2, weak: true });
    assert.deepEqual(signalOf(plain, { rssi: metric(-45) }), { metric: "rssi", share: 1, weak: false });
    const percent = described({ properties: [{ metric: "s", class: "signal_strength", unit: "%" }] });
    assert.deepEqual(signalOf(percent, { s: metric(50) }), { metric: "s", share: 0.5, weak: false });
  });
});

describe("an action's form", () => {
  test("has a field an argument, with its range and unit", () => {
    const args = [
      { metric: "relay", kind: "number", low: 1, high: 4, step: 1 },
      { metric: "for", label: "Time", kind: "number", unit: "s" },
      { metric: "mode", kind: "enum", values: ["a", "b"], note: "how" },
      { metric: "on", kind: "boolean" },
      { metric: "where", kind: "location" },
      { metric: "text" },
    ];
    const [action] = described({ actions: [{ name: "go", args }] }).actions;
    assert.ok(action);
    assert.equal(action.label, "go");
    assert.deepEqual(schemaOf(action).properties, {
      relay: { title: "relay", type: "integer", minimum: 1, maximum: 4 },
      for: { title: "Time (s)", type: "number" },
      mode: { title: "mode", description: "how", enum: ["a", "b"] },
      on: { title: "on", enum: [true, false] },
      where: { title: "where" },
      text: { title: "text", type: "string" },
    });
  });
});
