/** What the client refuses by itself, and what it says when it is turned away: clear errors, nothing sent, no loop. */

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Client } from "../../../devices/web/static/causeway/client/client.js";
import { MOST_BYTES, problem } from "../../../devices/web/static/causeway/client/sendable.js";
import { FakeClock, FakeSocket, environment, settled } from "./helpers.js";

/** @type {FakeClock} */ let clock;
/** @type {Client} */ let client;

beforeEach(() => {
  clock = new FakeClock();
  FakeSocket.made = [];
  client = new Client("http://x/ws/v1/", environment(clock));
});

const itself = /** @type {any} */ ({ a: {} });
itself.a.b = itself;

for (const [what, args, message] of /** @type {[string, any, RegExp][]} */ ([
  ["NaN", { t: NaN }, /^args\.t: NaN .*null/],
  ["an infinity", { limits: [1, -Infinity] }, /^args\.limits\.1: -Infinity/],
  ["a BigInt", { n: 12n }, /^args\.n: a BigInt .*String/],
  ["undefined", { on: undefined }, /^args\.on: undefined .*null/],
  ["undefined in a list", [undefined], /^args\.0: undefined/],
  ["a function", { then: () => 1 }, /^args\.then: a function/],
  ["a symbol", { s: Symbol("x") }, /^args\.s: a symbol/],
  ["a Map", { m: new Map() }, /^args\.m: a Map .*fromEntries/],
  ["a Promise", { p: Promise.resolve(1) }, /^args\.p: a Promise .*await/],
  ["bytes", { b: new Uint8Array(2) }, /^args\.b: a Uint8Array .*base64/],
  ["an invalid date", { d: { toJSON: () => NaN } }, /^args\.d: NaN/],
  ["what contains itself", itself, /^args\.a\.b: it contains itself/],
])) {
  test(`case g12: ${what} is refused with its place, and nothing is sent`, async () => {
    FakeSocket.latest.open();
    const refused = { name: "RequestError", code: "bad_request", message };
    await assert.rejects(client.command("s/d", "set", args), refused);
    assert.deepEqual(FakeSocket.latest.sent, []);
    const patch = { ...refused, message: new RegExp(message.source.replace("^args", "^patch")) };
    await assert.rejects(client.desired("s/d", args), patch);
    assert.equal(clock.timers.size, 1, "nothing waits for an answer");
  });
}

test("case g12: what JSON can say is sent as it is meant", () => {
  FakeSocket.latest.open();
  const twice = { a: 1 };
  /** @type {any} */ const args = { n: null, list: [twice, twice, "x", true], at: new Date(0), zero: -0 };
  client.command("s/d", "set", args, /** @type {any} */ ({ ttl_s: undefined }));
  const { args: sent } = FakeSocket.latest.asked("command");
  assert.deepEqual(sent, { n: null, list: [{ a: 1 }, { a: 1 }, "x", true], at: "1970-01-01T00:00:00.000Z", zero: 0 });
});

for (const [target, message] of /** @type {[any, RegExp][]} */ ([
  [{ site: "demo", devices: ["demo/a"] }, /either a site .* or devices/],
  [{}, /either a site/],
  [undefined, /either a site/],
  [{ site: "" }, /site is a text/],
  [{ devices: "demo/a" }, /devices is a list/],
  [{ devices: [1] }, /devices is a list/],
  [{ site: "*", max_rate_hz: NaN }, /max_rate_hz/],
  [{ site: "*", readings: "none" }, /readings/],
  [{ site: "*", description: "none" }, /description/],
  [{ site: "*", rate: 2 }, /nobody knows rate/],
])) {
  test(`case g12: watch(${JSON.stringify(target)}) says what to give`, () => {
    assert.throws(() => client.watch(target), { name: "TypeError", message });
    assert.equal(client.status, "connecting");
  });
}

test("case g12: a socket that tells of errors by events of its own does not end the program", async () => {
  const socket = FakeSocket.latest;
  socket.fails();
  socket.breaks();
  socket.fails(); // the package ws, when a socket is closed before it was open
  await clock.pass(250);
  assert.equal(FakeSocket.made.length, 2);
});

test("case g12: where there is no WebSocket, the error says what to do", () => {
  const without = { ...environment(clock), WebSocket: undefined };
  assert.throws(() => new Client("ws://x/ws/v1/", /** @type {any} */ (without)), /Node\.js 22.*\{ WebSocket \}/);
});

describe("case g11: size", () => {
  test("a request over 256 KiB is refused before it is sent, with both numbers", async () => {
    FakeSocket.latest.open();
    const text = "ü".repeat(140_000);
    const refused = { code: "too_large", message: /280\d\d\d bytes.*262144/ };
    await assert.rejects(client.command("s/d", "show", { text }), refused);
    await assert.rejects(client.desired("s/d", { text: "x".repeat(1_100_000) }), { code: "too_large" });
    assert.deepEqual(FakeSocket.latest.sent, []);
  });

  test("the limit itself may be sent", () => {
    const room = MOST_BYTES - JSON.stringify({ args: "" }).length;
    assert.equal(problem({ args: "x".repeat(room) }), null);
    assert.equal(problem({ args: "x".repeat(room + 1) })?.code, "too_large");
  });

  test("too many devices at once fail for good, without a loop", async () => {
    FakeSocket.latest.open();
    /** @type {any} */ let failed;
    const devices = [...Array(10_000).keys()].map((n) => `site/device-with-a-long-name-${n}`);
    client.watch({ devices }).on("failed", (error) => (failed = error));
    await settled();
    assert.equal(failed.code, "too_large");
    await clock.pass(4_000);
    assert.equal(FakeSocket.latest.asked("subscribe"), undefined);
  });

  test("what was under way when the line closes with 1009 fails and is not repeated", async (context) => {
    context.mock.method(console, "warn", () => {});
    FakeSocket.latest.open();
    const rejected = assert.rejects(client.command("s/d", "x"), { code: "too_large", message: /proxy/ });
    FakeSocket.latest.breaks(1009);
    await rejected;
    assert.equal(client.lost?.code, 1009);
    await clock.pass(1_000);
    FakeSocket.latest.open();
    assert.equal(FakeSocket.latest.asked("command"), undefined);
    assert.equal(client.lost, null);
  });
});

for (const [code, words, final] of /** @type {[number, RegExp, boolean][]} */ ([
  [1006, /can't be reached/, false],
  [1012, /restarts/, false],
  [4401, /log in again/, true],
  [4403, /ask an administrator/, true],
  [4408, /acknowledged/, false],
  [4429, /Too many sockets/, false],
  [4999, /4999/, false],
])) {
  test(`case g11: close code ${code} says what it means`, (context) => {
    context.mock.method(console, "warn", () => {});
    FakeSocket.latest.open();
    FakeSocket.latest.breaks(code);
    assert.equal(client.lost?.code, code);
    assert.match(client.lost?.message ?? "", words);
    assert.equal(client.status, final ? "closed" : "reconnecting");
  });
}

test("case g11: after 4429 it waits as long as it ever does", (context) => {
  context.mock.method(console, "warn", () => {});
  FakeSocket.latest.open();
  FakeSocket.latest.breaks(4429);
  assert.equal(client.retryAt, clock.now_ms + 7_500);
});
