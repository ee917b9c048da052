import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { applyFrame, knownRevs, mergePatch, newStream } from "../../../devices/web/static/causeway/client/stream.js";
import { seeded } from "./helpers.js";

/** @param {any} [state] @returns {any} */
function snapshot(state = {}, more = false) {
  const devices = [{ device: "s/d", rev: 5, metrics: {}, reported: {}, desired: {}, tags: [], ...state }];
  return { type: "snapshot", sub: "1", reason: "subscribe", more, devices };
}

/** @param {any} item @returns {any} */
function delta(item) {
  return { type: "delta", sub: "1", items: [{ device: "s/d", prev: 5, rev: 6, ...item }] };
}

/** @param {any[]} frames */
function after(...frames) {
  const stream = newStream();
  const outcomes = frames.map((frame) => applyFrame(stream, frame));
  return {
    stream,
    state: /** @type {any} */ (stream.devices.get("s/d")),
    last: /** @type {any} */ (outcomes.at(-1)),
  };
}

describe("snapshots", () => {
  test("become complete with the last page", () => {
    assert.equal(after(snapshot({}, true)).stream.complete, false);
    assert.equal(after(snapshot({}, true), snapshot({ device: "s/e" })).stream.complete, true);
  });

  test("replace whatever is known, also with a lower rev", () => {
    const { state } = after(snapshot({ rev: 9, metrics: { t: { value: 1, ts: 1 } } }), snapshot({ rev: 2 }));
    assert.equal(state.rev, 2);
    assert.deepEqual(state.metrics, {});
  });
});

describe("deltas", () => {
  test("metrics follow from readings by the time rule", () => {
    const readings = [
      { rev: 6, ts: 90, metrics: { t: "older" } },
      { rev: 7, ts: 100, metrics: { t: "same time, later rev" } },
      { rev: 8, ts: 99, metrics: { u: "first" } },
    ];
    const before = snapshot({ metrics: { t: { value: "old", ts: 100 } } });
    const { state, last } = after(before, delta({ rev: 8, readings }));
    assert.deepEqual(state.metrics, {
      t: { value: "same time, later rev", ts: 100 },
      u: { value: "first", ts: 99 },
    });
    assert.deepEqual(last.changes[0].readings, readings);
  });

  test("a metrics patch has the last word, null deletes", () => {
    const before = snapshot({ metrics: { gone: { value: 1, ts: 1 } } });
    const readings = [{ rev: 6, ts: 5, metrics: { t: 1 } }];
    const { state } = after(before, delta({ readings, metrics: { gone: null, t: { value: 2, ts: 3 } } }));
    assert.deepEqual(state.metrics, { t: { value: 2, ts: 3 } });
  });

  test("case b5: a reading after a removal holds, whatever its time", () => {
    const before = snapshot({ metrics: { t: { value: 1, ts: 100 } } });
    const removed = delta({ metrics: { t: null } });
    const again = delta({ prev: 6, rev: 7, readings: [{ rev: 7, ts: 50, metrics: { t: 2 } }] });
    assert.deepEqual(after(before, removed).state.metrics, {});
    assert.deepEqual(after(before, removed, again).state.metrics, { t: { value: 2, ts: 50 } });
  });

  test("sections are merge patches; tags are replaced", () => {
    const before = snapshot({
      reported: { a: { b: 1, c: 2 } },
      presence: { status: "online", since: 1, why: "birth" },
      tags: ["x"],
    });
    const { state } = after(
      before,
      delta({ reported: { a: { b: null } }, presence: { status: "stale" }, tags: ["y"] }),
    );
    assert.deepEqual(state.reported, { a: { c: 2 } });
    assert.deepEqual(state.presence, { status: "stale", since: 1, why: "birth" });
    assert.deepEqual(state.tags, ["y"]);
  });

  test("leave earlier states as they were", () => {
    const { stream, state: before } = after(snapshot({ reported: { a: 1 } }));
    applyFrame(stream, delta({ reported: { a: 2 } }));
    assert.deepEqual(before.reported, { a: 1 });
  });

  test("a gap is told and not applied, its neighbours are", () => {
    const frame = delta({ prev: 6, rev: 7, reported: { lost: true } });
    frame.items.push({ device: "s/e", prev: 5, rev: 6, reported: { ok: true } });
    const { stream, last } = after(snapshot(), snapshot({ device: "s/e" }), frame);
    assert.deepEqual(last.gaps, ["s/d"]);
    assert.deepEqual(knownRevs(stream), { "s/d": 5, "s/e": 6 });
  });

  test("one for an unknown device is a gap", () => {
    assert.deepEqual(after(delta({})).last.gaps, ["s/d"]);
  });

  test("a repeat changes nothing", () => {
    const { last, state } = after(snapshot({ rev: 6 }), delta({ reported: { twice: true } }));
    assert.deepEqual(last, { changes: [], gaps: [] });
    assert.deepEqual(state.reported, {});
  });
});

describe("events and goodbyes", () => {
  /** @type {any} */
  const event = { type: "event", device: "s/d", rev: 6, name: "door", data: {}, ts: 1 };

  test("an event takes one rev", () => {
    const { state, last } = after(snapshot(), event);
    assert.equal(state.rev, 6);
    assert.equal(last.changes[0].event.name, "door");
  });

  test("an event after a missing rev is a gap", () => {
    assert.deepEqual(after(snapshot(), { ...event, rev: 7 }).last.gaps, ["s/d"]);
  });

  test("an event of a device that is not watched is none of ours", () => {
    assert.deepEqual(after(event).last, { changes: [], gaps: [] });
  });

  test("gone forgets the device", () => {
    const { stream, last } = after(snapshot(), { type: "gone", sub: "1", device: "s/d" });
    assert.equal(stream.devices.size, 0);
    assert.deepEqual(last.changes, [{ kind: "gone", device: "s/d" }]);
  });
});

describe("names that devices may choose", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    test(name, () => {
      const readings = JSON.parse(`[{"rev": 6, "ts": 1, "metrics": {"${name}": 1}}]`);
      const { state } = after(snapshot(), delta({ readings, reported: JSON.parse(`{"${name}": {"a": 1}}`) }));
      assert.deepEqual(Object.entries(state.metrics), [[name, { value: 1, ts: 1 }]]);
      assert.deepEqual(Object.entries(state.reported), [[name, { a: 1 }]]);
      assert.equal(/** @type {any} */ ({}).a, undefined);
    });
  }
});

test("RFC 7396, appendix A", () => {
  /** @type {[any, any, any][]} */
  const cases = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) assert.deepEqual(mergePatch(target, patch), result);
});

/**
 * A server in small: the truth changes at random; a client that got an old snapshot and every delta since, however they
 * are gathered into frames, knows what a client knows that comes now.
 */
test("old snapshot + deltas = fresh snapshot", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const server = new Truth(random);
    const stream = newStream();
    applyFrame(stream, server.snapshot());
    for (let frames = 0; frames < 20; frames++) {
      const steps = 1 + Math.floor(random() * 4);
      const { gaps } = applyFrame(stream, server.delta(steps));
      assert.deepEqual(gaps, []);
    }
    assert.deepEqual(stream.devices, applySnapshot(server.snapshot()), `seed ${seed}`);
  }
});

/** @param {any} frame */
function applySnapshot(frame) {
  const stream = newStream();
  applyFrame(stream, frame);
  return stream.devices;
}

class Truth {
  rev = 1;
  /** @type {any} */ metrics = {};
  /** @type {any} */ reported = {};

  /** @param {() => number} random */
  constructor(random) {
    this.random = random;
  }

  /** @returns {any} */
  snapshot() {
    const { rev, metrics, reported } = structuredClone({
      rev: this.rev,
      metrics: this.metrics,
      reported: this.reported,
    });
    return {
      type: "snapshot",
      sub: "1",
      reason: "subscribe",
      devices: [{ device: "s/d", rev, metrics, reported }],
    };
  }

  /** @param {number} steps @returns {any} */
  delta(steps) {
    const prev = this.rev;
    const readings = [];
    let patch;
    for (let step = 0; step < steps; step++) {
      if (this.random() < 0.6) readings.push(this.reading());
      else patch = composed(patch, this.patch());
    }
    return {
      type: "delta",
      sub: "1",
      items: [{ device: "s/d", prev, rev: this.rev, readings, ...(patch && { reported: patch }) }],
    };
  }

  reading() {
    const ts = Math.floor(this.random() * 10);
    const metrics = Object.fromEntries(
      ["a", "b", "c"].filter(() => this.random() < 0.5).map((name) => [name, this.random()]),
    );
    this.rev += 1;
    for (const [name, value] of Object.entries(metrics)) {
      if (!this.metrics[name] || ts >= this.metrics[name].ts) this.metrics[name] = { value, ts };
    }
    return { rev: this.rev, ts, metrics };
  }

  patch() {
    const name = "xyz"[Math.floor(this.random() * 3)] ?? "x";
    this.rev += 1;
    if (this.random() < 0.3) {
      delete this.reported[name];
      return { [name]: null };
    }
    const value = this.random() < 0.5 ? this.rev : [this.rev];
    this.reported[name] = value;
    return { [name]: value };
  }
}

/** The patch that does what two in turn do. @param {any} first @param {any} second */
function composed(first, second) {
  return { ...first, ...second };
}
