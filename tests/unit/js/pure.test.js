import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  Decimals,
  formatJson,
  formatLatency,
  formatSpan,
  formatTime,
  formatValue,
} from "../../../devices/web/static/causeway/lib/format.js";
import { commonMetrics, counts, isUniform, selected } from "../../../devices/web/static/causeway/lib/device_list.js";
import { Series } from "../../../devices/web/static/causeway/lib/series.js";
import { compare, lacks, patchFor } from "../../../devices/web/static/causeway/lib/twin.js";

describe("format", () => {
  /** @type {[any, string][]} */
  const values = [
    [21.5, "21.5"],
    [21.53817, "21.54"],
    [3.14159, "3.142"],
    [1013.25, "1,013.3"],
    [0.0421, "0.0421"],
    [0.00421, "0.00421"],
    [0.00000421, "4.210e-6"],
    [0, "0"],
    [-7, "-7"],
    [1234567, "1,234,567"],
    [2 ** 53, "9.007e+15"],
    [true, "on"],
    [null, "null"],
    [undefined, "–"],
    ["idle", "idle"],
  ];
  for (const [value, text] of values)
    test(`${value} reads ${text}`, () => assert.equal(formatValue(value), text));

  test("a metric keeps the decimals it has shown", () => {
    const decimals = new Decimals();
    assert.deepEqual(
      [37.9, 38, 38.25, 38].map((value) => decimals.format("h", value)),
      ["37.9", "38.0", "38.25", "38.00"],
    );
    assert.equal(decimals.format("other", 38), "38");
  });

  test("JSON stays on one line", () => {
    assert.equal(formatJson({ a: [1, { b: "x  y" }], c: {} }), '{"a": [1, {"b": "x  y"}], "c": {}}');
  });

  test("spans and latencies", () => {
    assert.deepEqual([0, 59_400, 60_000, 7.2e6, 2e8].map(formatSpan), ["0 s", "59 s", "1 min", "2 h", "2 d"]);
    assert.deepEqual([8.2, 1240, 180_000].map(formatLatency), ["8 ms", "1.24 s", "3 min"]);
  });

  test("another day's time names the day", () => {
    const noon = new Date(2026, 5, 15, 12, 3, 4).getTime();
    assert.equal(formatTime(noon, noon + 1000), "12:03:04");
    assert.match(formatTime(noon, noon + 86_400_000), /15 Jun.* 12:03:04/);
  });
});

describe("reported against desired", () => {
  test("leaf by leaf, in natural order", () => {
    const rows = compare({ b: { y: 1, x: [1] }, a10: 1, a2: {} }, { b: { y: 2 }, c: true });
    assert.deepEqual(
      rows.map(({ path, status }) => [path.join("."), status]),
      [
        ["a2", "reported"],
        ["a10", "reported"],
        ["b.x", "reported"],
        ["b.y", "pending"],
        ["c", "pending"],
      ],
    );
  });

  test("met when equal, whatever the order of names", () => {
    assert.equal(compare({ a: [{ x: 1, y: 2 }] }, { a: [{ y: 2, x: 1 }] })[0]?.status, "met");
  });

  test("an object against a scalar is one row", () => {
    assert.deepEqual(compare({ a: { x: 1 } }, { a: 5 }), [
      { path: ["a"], reported: { x: 1 }, desired: 5, status: "pending" },
    ]);
  });

  test("a desired empty object is met by any object", () => {
    assert.equal(lacks({ x: 1 }, {}), false);
    assert.equal(lacks(5, {}), true);
  });

  test("a path becomes a patch", () => assert.deepEqual(patchFor(["a", "b"], 1), { a: { b: 1 } }));
});

describe("series", () => {
  /** @param {[number, any][]} points */
  function series(...points) {
    const made = new Series();
    for (const [ts, value] of points) made.add(ts, value);
    return made;
  }

  test("late points find their place", () => {
    assert.deepEqual(series([1, 1], [3, 3], [2, 2], [3, 4]).values, [1, 2, 3, 4]);
  });

  test("a view has one point beyond either edge", () => {
    const points = [0, 1, 2, 3, 4, 5].map(
      (second) => /** @type {[number, number]} */ ([second * 1000, second]),
    );
    assert.deepEqual(series(...points).view(2000, 3500), [
      [2, 3, 4],
      [2, 3, 4],
    ]);
  });

  test("long silence breaks the line", () => {
    assert.deepEqual(series([0, 1], [1000, 2], [60_000, 3]).view(0, 60_000)[1], [1, 2, null, 3]);
  });

  test("a slow device's usual steps don't", () => {
    assert.deepEqual(series([0, 1], [60_000, 2], [120_000, 3]).view(0, 120_000)[1], [1, 2, 3]);
  });

  test("booleans are drawn, texts are not", () => {
    assert.deepEqual(series([1, true], [2, "x"], [3, false]).values, [1, null, 0]);
  });

  test("older points go in front", () => {
    const made = series([10, 3]);
    made.prepend([
      [1, 1],
      [2, 2],
    ]);
    assert.deepEqual(made.values, [1, 2, 3]);
    made.prepend([[5, 9]]);
    assert.deepEqual(made.times, [1, 2, 5, 10]);
  });
});

describe("device list", () => {
  /** @param {string} key @param {any} [state] @returns {any} */
  function device(key, state = {}) {
    const presence = { status: state.status ?? "online", since: 1, why: "birth" };
    const metrics = Object.fromEntries(
      Object.entries(state.metrics ?? {}).map(([name, value]) => [name, { value, ts: 1 }]),
    );
    return {
      key,
      site: key.split("/")[0],
      updated: state.updated ?? 0,
      state: { metrics, presence, tags: state.tags ?? [] },
    };
  }
  /** @type {any} */ const all = { query: "", site: "", status: "", sort: "device", descending: false };
  const fleet = [
    device("b/pump-10", { status: "stale", metrics: { t: 1 }, updated: 3 }),
    device("a/pump-2", { status: "offline", tags: ["north"], updated: 1 }),
    device("a/pump-1", { metrics: { t: 5, mode: "idle" }, updated: 2 }),
  ];
  /** @param {any} wanted */
  const keys = (wanted) => selected(fleet, { ...all, ...wanted }).map(({ key }) => key);

  test("in natural order", () => assert.deepEqual(keys({}), ["a/pump-1", "a/pump-2", "b/pump-10"]));
  test("by site", () => assert.deepEqual(keys({ site: "b" }), ["b/pump-10"]));
  test("by status", () => assert.deepEqual(keys({ status: "offline" }), ["a/pump-2"]));
  test("by words in key and tags", () => assert.deepEqual(keys({ query: "PUMP north" }), ["a/pump-2"]));
  test("worst first", () =>
    assert.deepEqual(keys({ sort: "status" }), ["a/pump-2", "b/pump-10", "a/pump-1"]));
  test("latest first", () => assert.equal(keys({ sort: "updated", descending: true })[0], "b/pump-10"));
  test("by a metric, without it last either way", () => {
    assert.deepEqual(keys({ sort: "metric:t" }), ["b/pump-10", "a/pump-1", "a/pump-2"]);
    assert.deepEqual(keys({ sort: "metric:t", descending: true }), ["a/pump-1", "b/pump-10", "a/pump-2"]);
  });
  test("counts heed site and query, not the status asked for", () => {
    const expected = { all: 2, online: 1, offline: 1, stale: 0, unknown: 0 };
    assert.deepEqual(counts(fleet, { ...all, site: "a", status: "stale" }), expected);
  });
  test("common metrics: numbers first", () => assert.deepEqual(commonMetrics(fleet), ["t", "mode"]));
  test("uniform when nearly all that report anything report the same", () => {
    assert.equal(isUniform(fleet, ["t"]), true, "a device without any metric does not count");
    assert.equal(isUniform(fleet, ["t", "mode"]), false);
    assert.equal(isUniform([], ["t"]), true);
  });
  test("common metrics: upkeep after other numbers", () => {
    assert.deepEqual(commonMetrics([device("s/d", { metrics: { battery: 1, t: 1 } })]), ["t", "battery"]);
  });
});
