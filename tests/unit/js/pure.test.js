import assert from "node:assert/strict";
import { describe, test } from "node:test";

import {
  Decimals,
  cutOf,
  formatBytes,
  formatJson,
  formatLatency,
  formatShare,
  formatSpan,
  formatTick,
  formatMoment,
  formatTime,
  formatValue,
} from "../../../devices/web/frontend/src/lib/format.js";
import { inexact } from "../../../devices/web/frontend/src/lib/json/exact.js";
import { commonMetrics, counts, isUniform, ordered, orderedMetrics, selected } from "../../../devices/web/frontend/src/lib/device_list.js";
import { isGrave, isUnderWay } from "../../../devices/web/frontend/src/lib/grave.js";
import { described, faultOf, formatLag, stretch } from "../../../devices/web/frontend/src/lib/chain.js";
import { changesOf, compare, joined, lacks, patchFor, touches } from "../../../devices/web/frontend/src/lib/twin.js";

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
    [2 ** 53 - 1, "9,007,199,254,740,991"],
    [2 ** 53, "9.007199254740992e+15"],
    [true, "on"],
    [null, "null"],
    [undefined, "–"],
    ["idle", "idle"],
  ];
  for (const [value, text] of values)
    test(`${value} reads ${text}`, () => assert.equal(formatValue(value), text));

  /** @type {[any, string][]} */
  const exact = [
    [-0, "0"],
    [-0.00001, "-1.000e-5"],
    [1_796_123_456_789, "1,796,123,456,789"],
    [-1_796_123_456_789, "-1,796,123,456,789"],
    [1_796_123_456.789, "1,796,123,456.789"],
    [1e300, "1e+300"],
    ["9007199254740993", "9007199254740993"],
    ["-0", "-0"],
  ];
  for (const [value, text] of exact)
    test(`case b11: ${Object.is(value, -0) ? "-0" : value} reads ${text}`, () => assert.equal(formatValue(value), text));

  test("case b11: a number that would become another one is not sent", () => {
    for (const kept of ["{}", '{"a": 9007199254740991, "b": -0.1, "c": 1e3}'])
      assert.equal(inexact(kept), "", kept);
    assert.equal(inexact('{"9007199254740993": "9007199254740993 \\" 9007199254740993"}'), "", "in quotes they are kept");
    for (const lost of ["9007199254740993", "-12345678901234567890", "18446744073709551616", "1e999"])
      assert.match(inexact(`{"a": ["9", {"b": ${lost}}]}`), new RegExp(`^${lost} has more digits`));
  });

  test("case b11: zero has no sign beside decimals either", () => {
    const decimals = new Decimals();
    assert.deepEqual(
      [-0.5, -0, 0].map((value) => decimals.format("t", value)),
      ["-0.5", "0.0", "0.0"],
    );
  });

  test("case i5: an axis's labels have the digits that tell them apart", () => {
    /** @param {number} step @param {number[]} values */
    const labels = (step, ...values) => values.map((value) => formatTick(value, step));
    assert.deepEqual(labels(500, 0, 1500, -1e-13), ["0", "1,500", "0"]);
    assert.deepEqual(labels(0.5, 1234567, 1234567.5), ["1,234,567.0", "1,234,567.5"]);
    assert.deepEqual(labels(1e9, 1_796_000_000_000), ["1,796,000,000,000"]);
    assert.deepEqual(labels(0.1, 0.1 + 0.2), ["0.3"]);
    assert.deepEqual(labels(1e-12, 3e-12), ["3e-12"]);
    assert.deepEqual(labels(1e20, 3e20), ["3e+20"]);
  });

  test("shares of a stretch", () => {
    assert.equal(formatShare(133.9 * 60_000, 360 * 60_000), "133 of 360 minutes");
    assert.equal(formatShare(12_300, 90_000), "12 of 90 seconds");
    assert.equal(formatShare(-Infinity, 300_000), "0 of 5 minutes");
  });

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

  test("case g10: what the server cut is a link to the whole, and to nowhere else", () => {
    const href = "/api/v1/commands/4839ad13-ff64-4158-b8bd-8d5be5b83e66";
    assert.deepEqual(cutOf({ cut: { bytes: 255_000, href } }), { bytes: 255_000, href });
    assert.equal(formatBytes(255_000), "255 kB");
    /** @type {any[]} */
    const others = [
      null,
      "cut",
      { cut: 1 },
      { cut: { bytes: 1 } },
      { cut: { bytes: "1", href } },
      { cut: { bytes: 1, href }, more: 1 },
      { cut: { bytes: 1, href: "javascript:alert(1)" } },
      { cut: { bytes: 1, href: `https://elsewhere${href}` } },
      { cut: { bytes: 1, href: "/api/v1/commands/../../logout" } },
    ];
    for (const other of others) assert.equal(cutOf(other), null, JSON.stringify(other));
  });

  test("spans and latencies", () => {
    assert.deepEqual([0, 59_400, 60_000, 7.2e6, 2e8].map(formatSpan), ["0 s", "59 s", "1 min", "2 h", "2 d"]);
    assert.deepEqual([8.2, 1240, 180_000].map(formatLatency), ["8 ms", "1.24 s", "3 min"]);
  });

  test("another day's time names the day", () => {
    const noon = new Date(2026, 5, 15, 12, 3, 4).getTime();
    assert.equal(formatTime(noon, noon + 1000), "12:03:04");
    assert.match(formatTime(noon, noon + 86_400_000), /15 Jun.* 12:03:04/);
    assert.equal(formatMoment(noon, noon + 1000), "12:03:04");
    assert.match(formatMoment(noon, noon + 86_400_000), /^15 Jun$/);
  });
});

describe("what somebody else made of a document", () => {
  test("path by path, and which of it a patch changes, too", () => {
    const found = changesOf({ led: { on: true, level: 1 }, gone: [1] }, { led: { level: 1.0, on: false }, new: {} });
    assert.deepEqual(found, [
      { path: ["gone"], before: [1], after: undefined },
      { path: ["led", "on"], before: true, after: false },
      { path: ["new"], before: undefined, after: {} },
    ]);
    const patch = { led: { on: true }, new: { inner: 1 } };
    assert.deepEqual(found.map(({ path }) => touches(patch, path)), [false, true, true]);
    assert.equal(touches({ led: null }, ["led", "on"]), true);
  });

  test("one patch after another is one", () =>
    assert.deepEqual(joined({ a: { b: 1, c: [1] }, d: 2 }, { a: { b: null, e: {} }, d: { f: 1 } }), {
      a: { b: null, c: [1], e: {} },
      d: { f: 1 },
    }));
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

  test("case c1: equal numbers are equal, true is not 1", () => {
    /** @param {string} reported @param {string} desired */
    const lacking = (reported, desired) => lacks(JSON.parse(reported), JSON.parse(desired));
    for (const [one, other] of [["21.0", "21"], ["1e2", "100"], ["-0.0", "0"], ["[1.0,[2]]", "[1,[2.0]]"]]) {
      assert.equal(lacking(`{"a":${one}}`, `{"a":${other}}`), false, `${one} is ${other}`);
      assert.equal(lacking(`{"a":${other}}`, `{"a":${one}}`), false, `${other} is ${one}`);
    }
    for (const [one, other] of [["true", "1"], ["false", "0"], ["null", "0"], ['"1"', "1"], ["[1]", "[true]"]])
      assert.equal(lacking(`{"a":${one}}`, `{"a":${other}}`), true, `${one} is not ${other}`);
  });

  test("case c2: the order of members means nothing, at any depth", () => {
    assert.equal(lacks({ a: [{ x: 1, y: [{ p: 1, q: 2 }] }] }, { a: [{ y: [{ q: 2, p: 1 }], x: 1 }] }), false);
    assert.equal(lacks({ a: [1, 2] }, { a: [2, 1] }), true, "that of elements does");
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

describe("device list", () => {
  test("a device's metrics are in the same order on all pages: the fleet's columns, numbers, then upkeep and the rest", () => {
    const metrics = Object.fromEntries(
      Object.entries({ battery: 90, alarm: true, flow: null, level: 2, rssi: -60, depth: 1, lag: 3 }).map(([name, value]) => [name, { value, ts: 1 }]),
    );
    const description = { properties: [{ metric: "rssi", label: "Signal" }, { metric: "lag", diagnostic: true }] };
    /** @type {any} */ const state = { metrics, description };
    assert.deepEqual(orderedMetrics(state), ["depth", "level", "rssi", "alarm", "battery", "flow", "lag"]);
    const isNumber = (/** @type {string} */ name) => name !== "alarm";
    assert.deepEqual(orderedMetrics(state, ["level", "no"], isNumber), ["level", "depth", "flow", "rssi", "alarm", "battery", "lag"]);
    assert.deepEqual(commonMetrics([{ key: "a/b", site: "a", state, updated: 0 }]).slice(0, 3), ["depth", "level", "rssi"]);
  });

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
  const keys = (wanted) => selected(ordered(fleet), { ...all, ...wanted }).map(({ key }) => key);

  test("in natural order", () => assert.deepEqual(keys({}), ["a/pump-1", "a/pump-2", "b/pump-10"]));
  test("in natural order, backwards", () =>
    assert.deepEqual(keys({ descending: true }), ["b/pump-10", "a/pump-2", "a/pump-1"]));
  test("those that are alike in natural order, either way", () => {
    for (const descending of [false, true])
      assert.deepEqual(keys({ sort: "metric:none", descending }), ["a/pump-1", "a/pump-2", "b/pump-10"]);
  });
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

describe("the chain", () => {
  test("a lag within the marker's own pace is none that anybody could read", () => {
    assert.equal(formatLag(200), formatLag(2_900));
    assert.equal(formatLag(65_000), "1 min");
    assert.equal(formatLag(null), "not known");
  });

  const up = /** @type {const} */ ({ database: "up", layer: "up", gateway: "up", broker: "up", workers: "up" });
  const well = { ...up, fresh: true, since: 5 };

  test("case i1, case i2: the part at fault is named, what others depend on first", () => {
    assert.equal(faultOf(well), null);
    /** @type {[Partial<import("../../../devices/web/static/causeway/client/types.js").Link>, string, RegExp][]} */
    const cases = [
      [{ gateway: "down", broker: "down" }, "gateway", /No MQTT gateway is running/],
      [{ broker: "down" }, "broker", /The MQTT broker can't be reached/],
      [{ layer: "down", workers: "down" }, "layer", /Redis/],
      [{ workers: "down" }, "workers", /device workers/],
      [{ database: "down", gateway: "unknown", broker: "unknown", workers: "unknown" }, "database", /database/],
    ];
    for (const [wrong, part, heading] of cases) {
      const fault = faultOf({ ...well, ...wrong, fresh: false });
      assert.equal(fault?.part, part);
      assert.match(fault?.heading ?? "", heading);
    }
  });

  test("case i1: nothing is called fresh that isn't, whatever the parts say", () => {
    assert.equal(faultOf({ ...well, fresh: false })?.heading, "Values come late");
    assert.match(faultOf({ ...well, broker: "unknown", fresh: false })?.heading ?? "", /not known/);
  });

  test("is drawn by its worst part, and described part by part", () => {
    assert.equal(stretch(well, ["gateway", "broker"]), "up");
    assert.equal(stretch({ ...well, gateway: "unknown", broker: "down" }, ["gateway", "broker"]), "down");
    assert.equal(stretch(null, ["layer"]), "unsure");
    assert.equal(described({ ...well, layer: "down" })[3], "Channel layer (Redis): down");
    assert.equal(described(null)[0], "Device workers: not known");
  });
});

describe("grave commands", () => {
  /** @param {string} name @param {any} status @returns {any} */
  const sent = (name, status) => ({ name, status });

  test("case i10: what stops or empties a device asks back, however it is written", () => {
    for (const name of ["reboot", "Reboot", "sys.restart", "factory_reset", "shutdown", "power-off", "fw_upgrade", "wipe"])
      assert.ok(isGrave(name), name);
    for (const name of ["identify", "set_led", "set_target", "open"]) assert.ok(!isGrave(name), name);
  });

  test("case i10: one that is on its way is not sent again; others may be", () => {
    const list = [sent("reboot", "sent"), sent("identify", "accepted"), sent("reset", "done")];
    assert.ok(isUnderWay(list, "reboot"));
    assert.ok(!isUnderWay(list, "identify"));
    assert.ok(!isUnderWay(list, "reset"));
  });
});
