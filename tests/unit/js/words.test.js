import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import {
  Decimals,
  formatCount,
  formatLatency,
  formatShare,
  formatTick,
  formatTime,
  formatTimeAxis,
  formatValue,
} from "../../../devices/web/frontend/src/lib/format.js";
import { language, setLocale, zone, zoneNote } from "../../../devices/web/frontend/src/words/locale.js";
import { CATALOGUES, isKey, parts, t } from "../../../devices/web/frontend/src/words/words.js";

const { en, de } = CATALOGUES;
const HOUR = 3_600_000;

afterEach(() => setLocale({}));

/** @param {any} entry @returns {string[]} */
const forms = (entry) => (typeof entry === "string" ? [entry] : [entry.one, entry.other]);
/** @param {string} text */
const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe("catalogues", () => {
  test("both languages have the same texts", () => assert.deepEqual(Object.keys(de), Object.keys(en)));

  for (const [key, entry] of Object.entries(en))
    test(`${key} takes the same values in both, in each form`, () => {
      const wanted = names(forms(entry)[0] ?? "");
      const german = /** @type {any} */ (de)[key];
      assert.equal(typeof german, typeof entry);
      for (const text of [...forms(entry), ...forms(german)]) {
        assert.notEqual(text.trim(), "");
        assert.deepEqual(names(text), wanted, text);
      }
    });

  test("German is German", () => {
    /** @param {any} catalogue @param {string} key */
    const words = (catalogue, key) => forms(catalogue[key]).join(" ").replace(/\{\w+\}/g, "");
    const same = Object.keys(en).filter((key) => words(en, key).length > 14 && words(en, key) === words(de, key));
    assert.deepEqual(same, []);
  });
});

describe("words", () => {
  test("with values, and one or many of them", () => {
    assert.equal(t("worker.shard", { shard: 3 }), "shard 3");
    assert.equal(t("kit.selected", { count: 1 }), "1 selected");
    assert.match(t("chain.stored", { count: 1 }), /holds 1 message for/);
    assert.match(t("chain.stored", { count: 1234 }), /holds 1,234 messages for/);
    assert.match(t("chain.stored", { count: 0 }), /holds 0 messages for/);
  });

  test("in German, numbers too", () => {
    setLocale({ language: "de" });
    assert.match(t("chain.stored", { count: 1234 }), /hält 1\.234 Nachrichten/);
    assert.equal(t("worker.shard", { shard: -0 }), "Shard 0");
  });

  test("what a device says is no placeholder", () =>
    assert.equal(t("quarantine.none.of", { device: "{count}/x" }), "Nothing of {count}/x."));

  test("in pieces, for elements", () => {
    const element = { type: "code" };
    assert.deepEqual(parts("quarantine.none.of", { device: element }), ["Nothing of ", element, "."]);
  });

  test("a name from the server may be none", () => {
    assert.ok(isKey("why.birth"));
    for (const name of ["why.news", "constructor", "__proto__", "toString"]) assert.ok(!isKey(name), name);
  });
});

describe("the language and the zone", () => {
  test("what is chosen, else the browser's first that there is, else English", () => {
    /** @type {[any, string[], string][]} */
    const cases = [
      ["de", ["en-GB"], "de"],
      [null, ["de-AT", "en"], "de"],
      [null, ["fr", "en-GB", "de"], "en"],
      [null, ["fr"], "en"],
      ["xx", [], "en"],
    ];
    for (const [chosen, browsers, expected] of cases) {
      setLocale({ language: chosen }, browsers);
      assert.equal(language(), expected);
    }
  });

  test("a zone that the browser doesn't know is as none", () => {
    setLocale({ zone: "Mars/Olympus" });
    assert.equal(zone(), Intl.DateTimeFormat().resolvedOptions().timeZone);
    setLocale({ zone: "Asia/Tokyo" });
    assert.equal(zone(), "Asia/Tokyo");
  });

  test("it is said with what it differs by, as of then", () => {
    setLocale({ zone: "Europe/Berlin" });
    assert.equal(zoneNote(Date.UTC(2026, 0, 1)), "Europe/Berlin (UTC+1)");
    assert.equal(zoneNote(Date.UTC(2026, 6, 1)), "Europe/Berlin (UTC+2)");
    setLocale({ zone: "UTC" });
    assert.equal(zoneNote(0), "UTC");
  });
});

describe("times", () => {
  const noon = Date.UTC(2026, 11, 31, 22, 30);

  test("in the chosen zone, with the day if it is another one there, and the year", () => {
    setLocale({ zone: "Asia/Tokyo" });
    assert.equal(formatTime(noon, noon), "07:30:00");
    assert.match(formatTime(noon, noon - 8 * HOUR), /^1 Jan 2027,? 07:30:00$/); // still the old year there
    setLocale({ zone: "UTC" });
    assert.equal(formatTime(noon, noon - 8 * HOUR), "22:30:00");
    assert.match(formatTime(noon, noon - 30 * HOUR), /^31 Dec,? 22:30:00$/);
  });

  test("in German", () => {
    setLocale({ zone: "UTC", language: "de" });
    assert.match(formatTime(noon, noon - 30 * HOUR), /^31\. Dez\.,? 22:30:00$/);
  });

  test("an axis names the day where it begins", () => {
    setLocale({ zone: "Europe/Berlin" });
    const times = [0, 1, 2].map((index) => Date.UTC(2026, 5, 15, 21, 30 + index * 30));
    assert.deepEqual(formatTimeAxis(times, HOUR / 2, times[0]), ["23:30", "00:00\n16 Jun", "00:30"]);
    assert.deepEqual(formatTimeAxis(times, HOUR / 2, times[2]), ["23:30\n15 Jun", "00:00\n16 Jun", "00:30"]);
    assert.deepEqual(formatTimeAxis([times[0] ?? 0], 1_000, times[0]), ["23:30:00"]);
    assert.deepEqual(formatTimeAxis(times, 24 * HOUR, times[0] ?? 0), ["15 Jun", "16 Jun", "16 Jun"]);
    assert.match(formatTimeAxis([0], HOUR, times[0])[0] ?? "", /01:00\n1 Jan 1970/);
  });
});

describe("numbers in German", () => {
  beforeEach(() => setLocale({ language: "de" }));

  test("exact, grouped, with a comma", () => {
    /** @type {[any, string][]} */
    const cases = [
      [1013.25, "1.013,3"],
      [-0, "0"],
      [2 ** 53 - 1, "9.007.199.254.740.991"],
      [2 ** 53, "9,007199254740992e+15"],
      [0.00000421, "4,210e-6"],
      [true, "an"],
      ["idle", "idle"],
    ];
    for (const [value, text] of cases) assert.equal(formatValue(value), text);
    assert.equal(formatCount(1234), "1.234");
    assert.equal(formatTick(1234567.5, 0.5), "1.234.567,5");
    assert.equal(formatLatency(1240), "1,24 s");
    assert.equal(formatShare(12_300, 90_000), "12 von 90 Sekunden");
  });

  test("zero has no sign", () => {
    const decimals = new Decimals();
    assert.deepEqual(
      [-0.5, -0, 0].map((value) => decimals.format("t", value)),
      ["-0,5", "0,0", "0,0"],
    );
  });
});
