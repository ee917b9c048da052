import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { fieldsOf, read, readAll, textOf } from "../../../devices/web/frontend/src/kit/schema.js";

const SCHEMA = {
  required: ["level", "name"],
  properties: {
    level: { type: "integer", minimum: 0, maximum: 100, title: "Level", description: "percent" },
    target: { type: "number" },
    on: { type: "boolean" },
    mode: { enum: ["heat", 2, null] },
    name: { type: "string" },
    more: { type: "object", default: { a: [1] } },
  },
};
const fields = fieldsOf(SCHEMA);
/** @param {string} name */
const field = (name) => fields.find((one) => one.name === name) ?? assert.fail(name);

describe("a form by its schema", () => {
  test("its fields", () => {
    assert.deepEqual(
      fields.map(({ name, kind, required }) => [name, kind, required]),
      [
        ["level", "number", true],
        ["target", "number", false],
        ["on", "boolean", false],
        ["mode", "choice", false],
        ["name", "text", true],
        ["more", "json", false],
      ],
    );
    assert.deepEqual([field("level").label, field("level").hint, field("on").label], ["Level", "percent", "on"]);
    assert.deepEqual(fieldsOf({}), []);
  });

  test("what stands in them at first", () => {
    assert.equal(textOf(field("level"), undefined), "");
    assert.equal(textOf(field("level"), 0), "0");
    assert.equal(textOf(field("name"), "x"), "x");
    assert.equal(textOf(field("mode"), "heat"), '"heat"');
    assert.equal(textOf(field("on"), false), "false");
    assert.equal(textOf(field("more"), undefined), '{\n  "a": [\n    1\n  ]\n}');
  });

  /** @type {[string, string, any][]} */
  const good = [
    ["level", "100", 100],
    ["level", " 0 ", 0],
    ["level", "-0", 0],
    ["target", "21,5", 21.5],
    ["target", "-1e3", -1000],
    ["target", "", undefined],
    ["on", "true", true],
    ["on", "", false],
    ["mode", "2", 2],
    ["mode", "null", null],
    ["mode", "", undefined],
    ["name", " x ", " x "],
    ["more", "[1, 2]", [1, 2]],
    ["more", " ", undefined],
  ];
  for (const [name, text, value] of good)
    test(`${name}: "${text}" means ${JSON.stringify(value)}`, () => {
      const found = read(field(name), text);
      assert.equal(found.error, "");
      assert.deepEqual(found.value, value);
      assert.ok(!Object.is(found.value, -0));
    });

  /** @type {[string, string, RegExp][]} */
  const bad = [
    ["level", "", /must be given/],
    ["level", "101", /at most 100/],
    ["level", "-1", /at least 0/],
    ["level", "1.5", /whole/],
    ["level", "9007199254740993", /whole/],
    ["target", "x", /number/],
    ["target", "1e999", /number/],
    ["target", "1.234,5", /number/],
    ["name", "", /must be given/],
    ["more", '{"a": 1,\n "b" 2}', /JSON: Line 2, column 6: a colon/],
    ["more", '{"a": 9007199254740993}', /more digits/],
  ];
  for (const [name, text, why] of bad)
    test(`${name}: "${text}" is refused`, () => assert.match(read(field(name), text).error, why));

  test("all at once: what is right, and what is wrong where", () => {
    assert.deepEqual(readAll(fields, { level: "7", name: "x", mode: '"heat"' }), {
      value: { level: 7, on: false, mode: "heat", name: "x" },
      errors: {},
    });
    assert.deepEqual(Object.keys(readAll(fields, { level: "x", target: "y" }).errors), ["level", "target", "name"]);
  });
});
