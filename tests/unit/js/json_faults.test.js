import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { faultIn, wrongIn } from "../../../devices/web/frontend/src/lib/json/faults.js";
import { setLocale } from "../../../devices/web/frontend/src/words/locale.js";

/** @param {string} text */
function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The same numbers each time. @param {number} seed */
function random(seed) {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647;
}

const WHOLE = '{"a": [1, -2.5e3, "x\\n\\u00e4", true, null], "b": {"c": {}, "d": []}, "e": ""}';

describe("where JSON is wrong", () => {
  afterEach(() => setLocale({ language: "en" }));

  test("by line and column, with what is missing", () => {
    assert.deepEqual(faultIn('{\n  "a": 1\n  "b": 2\n}'), { offset: 13, line: 3, column: 3, expected: "comma", found: '"' });
    assert.match(wrongIn('{"a" 1}'), /^Line 1, column 6: .*colon/);
    assert.match(wrongIn('{"a": }'), /^Line 1, column 7: a value .*before “}”/);
    assert.match(wrongIn('{"a": 1,}'), /^Line 1, column 9: a name/);
    assert.match(wrongIn('{"a": tru}'), /^Line 1, column 7: a value/);
    assert.match(wrongIn('{"a": "x}'), /^Line 1, column 7: the text that begins here/);
    assert.match(wrongIn('{"a": 1'), /^Line 1, column 8: .*end/);
    assert.match(wrongIn("{} 5"), /^Line 1, column 4: nothing more .*“5”/);
    assert.match(wrongIn(""), /^Line 1, column 1: a value/);
    assert.equal(wrongIn(WHOLE), "");
  });

  test("in German, too", () => {
    setLocale({ language: "de" });
    assert.match(wrongIn('{"a": }'), /^Zeile 1, Spalte 7: /);
  });

  test("it is never of another opinion than the browser's own reader", () => {
    const next = random(20261201);
    const letters = [..."{}[]:,\"\\ntfu019-+.eE \n\tä\u0001"];
    const pick = (/** @type {number} */ count) => Math.floor(next() * count);
    let [right, wrong] = [0, 0];
    for (let round = 0; round < 20_000; round++) {
      let text = WHOLE.slice(0, 1 + pick(WHOLE.length)) + (next() < 0.5 ? "" : WHOLE.slice(pick(WHOLE.length)));
      if (next() < 0.3) text = WHOLE;
      const at = pick(text.length);
      text = text.slice(0, at) + letters[pick(letters.length)] + text.slice(at + pick(2));
      const fault = faultIn(text);
      assert.equal(fault === null, isJson(text), text);
      if (fault) assert.ok(isStillOpen(text.slice(0, fault.offset)), text);
      fault ? wrong++ : right++;
    }
    assert.ok(right > 1_000 && wrong > 1_000, `${right} ${wrong}`);
  });

  /** What stands before a fault is the beginning of some JSON: read alone, it is wrong at its end at the earliest. */
  function isStillOpen(/** @type {string} */ text) {
    const fault = faultIn(text);
    return fault === null || fault.found === "";
  }
});
