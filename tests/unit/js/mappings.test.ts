/** What rule a heard message suggests, and what of a rule's form is text. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { HeardTopic } from "../../../devices/web/frontend/src/data/mappings";
import { guess, matches } from "../../../devices/web/frontend/src/mappings/guess";
import { faultsOf, numberOfText, textOfWords, wordsOfText } from "../../../devices/web/frontend/src/mappings/texts";

function heard(topic: string, payload: string, encoding: "utf-8" | "base64" = "utf-8"): HeardTopic {
  const bytes = encoding === "base64" ? atob(payload).length : payload.length;
  return {
    topic, payload, encoding, payload_bytes: bytes, count: 1, retained: false,
    last_at: "", dialect: null, source: null, reason: "foreign_root",
  };
}

/** Of a topic: pattern, device, metric. */
function places(topic: string, payload: string) {
  const { pattern, device, metric } = guess(heard(topic, payload), []);
  return [pattern, device, metric];
}

/** Of a payload: its kind, and what of the rule differs from a plain one. */
function content(payload: string, encoding: "utf-8" | "base64" = "utf-8") {
  const { payload: kind, decimal, words, fields, separator } = guess(heard("a/b/c", payload, encoding), []);
  return { kind, decimal, words, separator, fields: fields.map(({ metric, path, type }) => [metric, path, type].join(" ").trim()) };
}

const PLAIN = { decimal: ".", words: {}, separator: "", fields: [] as string[] };

describe("the topic's levels", () => {
  test("of one value name device and metric", () => {
    assert.deepEqual(places("weather/roof/temperature", "21.5"), ["weather/{device}/{metric}", "", ""]);
    assert.deepEqual(places("a/b/roof/temperature", "21.5"), ["a/b/{device}/{metric}", "", ""]);
    assert.deepEqual(places("a/roof/temperature/state", "21.5"), ["a/{device}/{metric}/state", "", ""]);
  });

  test("of several values name the device", () => {
    assert.deepEqual(places("meters/cellar", '{"w": 1}'), ["meters/{device}", "", ""]);
    assert.deepEqual(places("meters/cellar/data", '{"w": 1}'), ["meters/{device}/data", "", ""]);
  });

  test("that are too few give way to names: the first is always a word", () => {
    assert.deepEqual(places("temperature", "21.5"), ["temperature", "temperature", "value"]);
    assert.deepEqual(places("roof/temperature", "21.5"), ["roof/{metric}", "roof", ""]);
    assert.deepEqual(places("roof", '{"w": 1}'), ["roof", "roof", ""]);
  });

  test("with braces are any", () => {
    assert.deepEqual(places("a/{x}/roof/t", "1"), ["a/+/{device}/{metric}", "", ""]);
  });

  test("that are a known site say it; else it is the likeliest one", () => {
    assert.equal(guess(heard("a/garden/roof/t", "1"), ["home", "garden"]).site, "garden");
    assert.equal(guess(heard("a/garden/t", "1"), ["home", "garden"]).site, "home", "it is the device there");
    assert.equal(guess(heard("a/b/c", "1"), []).site, "home");
  });

  test("have a topic of the same shape only", () => {
    assert.ok(matches("a/{device}/+/{metric}", "a/b/c/d"));
    assert.ok(!matches("a/{device}", "a/b/c"));
    assert.ok(!matches("a/{device}", "b/c"));
  });
});

describe("the payload", () => {
  test("is a number, in its way of writing", () => {
    for (const text of ["21.5", "-3", " 7 ", "1e3", ".5"]) assert.deepEqual(content(text), { ...PLAIN, kind: "number" }, text);
    for (const text of ["21,5", "1.234,5"]) assert.deepEqual(content(text), { ...PLAIN, kind: "number", decimal: "," }, text);
  });

  test("is JSON, with its pointers", () => {
    const found = content('{"t": 1.5, "wind": {"speed": 3, "gusts": [4, 5]}, "a/b~": "x", "nothing": null}');
    const fields = ["t /t", "wind.speed /wind/speed", "wind.gusts.0 /wind/gusts/0", "wind.gusts.1 /wind/gusts/1", "a/b~ /a~1b~0"];
    assert.deepEqual(found, { ...PLAIN, kind: "json", fields });
    assert.deepEqual(content("[1, [2]]").fields, ["0 /0", "1.0 /1/0"]);
  });

  test("is JSON with all members where they are many, or its end was cut off", () => {
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`m${index}`, index])));
    assert.deepEqual(content(many), { ...PLAIN, kind: "json" });
    assert.deepEqual(content('{"t": 1.5, "wi'), { ...PLAIN, kind: "json" });
  });

  test("has each metric once", () => {
    assert.deepEqual(content('{"a": {"b": 1}, "a.b": 2}').fields, ["a.b /a.b"]);
  });

  test("is SenML", () => {
    assert.deepEqual(content('[{"bn": "a", "v": 1}, {"n": "b", "v": 2}]'), { ...PLAIN, kind: "senml" });
  });

  test("is pairs", () => {
    for (const text of ["t=1.5 h=40", "t=1&h=", "t=1;", "on=true"]) assert.deepEqual(content(text), { ...PLAIN, kind: "pairs" }, text);
  });

  test("is columns", () => {
    const fields = ["column_0 0", "column_1 1", "column_2 2"];
    assert.deepEqual(content("1,2.5,ok"), { ...PLAIN, kind: "csv", fields });
    assert.deepEqual(content("1,5;2,5;x"), { ...PLAIN, kind: "csv", separator: ";", decimal: ",", fields });
  });

  test("is a text, with what it means if it is a switch's", () => {
    for (const text of ["ready", "21.5 °C", "a, b", "two words", "", "{not json}", "a\nb"])
      assert.deepEqual(content(text), { ...PLAIN, kind: "text" }, text);
    assert.deepEqual(content("ON").words, { ON: true, OFF: false });
    assert.deepEqual(content("aus").words, { an: true, aus: false });
    assert.deepEqual(content("False").words, { True: true, False: false });
  });

  test("is bytes: CBOR's maps like JSON, else a number of their length", () => {
    assert.deepEqual(content(btoa("\xa1at\x15"), "base64"), { ...PLAIN, kind: "json" });
    assert.deepEqual(content(btoa("\xff\x01"), "base64").fields, ["value 0 i16be"]);
    assert.deepEqual(content(btoa("\xff"), "base64").fields, ["value 0 u8"]);
    assert.deepEqual(content(btoa("\xff\x01\x02\x03"), "base64").fields, ["value 0 f32be"]);
  });
});

describe("texts in the form", () => {
  test("words come back as they were", () => {
    const words = { an: true, aus: false, "a = b": "x", zero: 0, none: null, digits: "12", yes: "true" };
    assert.deepEqual(wordsOfText(textOfWords(words)), words);
    assert.equal(textOfWords({ an: true, open: "offen" }), "an = true\nopen = offen");
    assert.deepEqual(wordsOfText("\n on=1 \n\n"), { on: 1 });
    assert.equal(wordsOfText("on"), null);
  });

  test("a number may have a decimal comma", () => {
    assert.deepEqual(["0,1", " 2 ", "x", "", "1e999"].map(numberOfText), [0.1, 2, null, null, null]);
  });

  test("what is wrong is of the members that the server names", () => {
    const of = (detail: string) => faultsOf(detail, ["pattern", "device", "metric", "fields"]);
    assert.deepEqual(of("pattern: it has no #: say each level"), { pattern: "it has no #: say each level" });
    assert.deepEqual(of("device, metric: at most 128 characters"), {
      device: "at most 128 characters",
      metric: "at most 128 characters",
    });
    assert.deepEqual(of("mapping.fields.0.scale: no number; pattern: missing"), { fields: "no number", pattern: "missing" });
    assert.deepEqual(of("there are 500 mappings"), { "": "there are 500 mappings" });
    assert.deepEqual(of("odd: 1; more"), { "": "odd: 1; more" });
  });
});
