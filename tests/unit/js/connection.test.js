import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Connection, backoff } from "../../../devices/web/static/causeway/client/connection.js";
import { FakeClock, FakeSocket, environment } from "./helpers.js";

/** @type {FakeClock} */ let clock;
/** @type {Connection} */ let connection;

beforeEach(() => {
  clock = new FakeClock();
  FakeSocket.made = [];
  connection = new Connection("ws://x/ws/v1/", environment(clock));
  connection.start();
  FakeSocket.latest.open();
});

describe("acknowledgements", () => {
  test("leave within a second", async () => {
    await FakeSocket.latest.says({ type: "link" });
    await clock.pass(999);
    assert.equal(FakeSocket.latest.asked("ack"), undefined);
    await clock.pass(1);
    assert.deepEqual(FakeSocket.latest.asked("ack"), { type: "ack", n: 1 });
  });

  test("leave at once after 64 frames", async () => {
    for (let n = 1; n <= 64; n++) await FakeSocket.latest.says({ type: "link" });
    assert.deepEqual(FakeSocket.latest.sent, [{ type: "ack", n: 64 }]);
  });

  test("leave at once after a large frame, long before the server pauses", async () => {
    await FakeSocket.latest.says({ type: "link", filling: "x".repeat(300_000) });
    assert.deepEqual(FakeSocket.latest.sent, [{ type: "ack", n: 1 }]);
  });

  test("need no timer while frames come (timers of hidden tabs are slow)", async () => {
    await FakeSocket.latest.says({ type: "link" });
    clock.now_ms += 1_000;
    await FakeSocket.latest.says({ type: "link" });
    assert.deepEqual(FakeSocket.latest.asked("ack"), { type: "ack", n: 2 });
  });

  test("are not repeated", async () => {
    await FakeSocket.latest.says({ type: "link" });
    await clock.pass(4_000);
    assert.equal(FakeSocket.latest.sent.length, 1);
  });
});

describe("a broken line", () => {
  test("is tried again with backoff", async () => {
    FakeSocket.latest.breaks();
    assert.equal(connection.state, "waiting");
    assert.equal(connection.retryAt, clock.now_ms + 250);
    await clock.pass(250);
    assert.equal(FakeSocket.made.length, 2);
    FakeSocket.latest.breaks();
    assert.equal(connection.retryAt, clock.now_ms + 500);
  });

  test("that held for a while starts the backoff anew", async () => {
    FakeSocket.latest.breaks();
    await clock.pass(250);
    FakeSocket.latest.open();
    await FakeSocket.latest.says({ type: "link" });
    await clock.pass(4_000);
    await FakeSocket.latest.says({ type: "link" });
    await clock.pass(2_000);
    FakeSocket.latest.breaks();
    assert.equal(connection.retryAt, clock.now_ms + 250);
  });

  test("that is only silent is noticed within 10 s", async () => {
    await clock.pass(5_000);
    assert.deepEqual(FakeSocket.latest.asked("ping"), { type: "ping", id: "ping" });
    await clock.pass(5_000);
    assert.equal(connection.state, "waiting");
    assert.ok(FakeSocket.made[0]?.closed);
  });

  test("does not hear its old socket any more", async () => {
    const old = FakeSocket.latest;
    old.breaks();
    await clock.pass(250);
    await old.says({ type: "link" });
    old.breaks();
    assert.equal(connection.state, "connecting");
  });

  test("that never opens is given up on", async () => {
    FakeSocket.latest.breaks();
    await clock.pass(250 + 10_000);
    assert.equal(connection.state, "waiting");
  });
});

test("a pong keeps the connection", async () => {
  for (let times = 0; times < 5; times++) {
    await clock.pass(5_000);
    await FakeSocket.latest.says({ type: "ok", id: "ping" });
  }
  assert.equal(connection.state, "open");
});

for (const wrong of [{ n: 2 }, { n: 0 }, { n: null }]) {
  test(`frame number ${wrong.n} instead of 1 breaks the stream`, async () => {
    /** @type {any[]} */ const frames = [];
    connection.on("frame", (frame) => frames.push(frame));
    await FakeSocket.latest.says({ type: "link", ...wrong });
    assert.deepEqual(frames, []);
    assert.equal(connection.state, "waiting");
  });
}

test("frame numbers start anew with each connection", async () => {
  await FakeSocket.latest.says({ type: "link" });
  FakeSocket.latest.breaks();
  await clock.pass(250);
  FakeSocket.latest.open();
  await FakeSocket.latest.says({ type: "link" });
  assert.equal(connection.state, "open");
});

for (const [code, reason] of /** @type {[number, string][]} */ ([
  [4401, "unauthorized"],
  [4403, "forbidden"],
])) {
  test(`close code ${code} is final`, async () => {
    FakeSocket.latest.breaks(code);
    await clock.pass(60_000);
    assert.deepEqual([connection.state, connection.reason], ["closed", reason]);
    assert.equal(FakeSocket.made.length, 1);
  });
}

test("close code 4408 (we were too slow) is not final", () => {
  FakeSocket.latest.breaks(4408);
  assert.equal(connection.state, "waiting");
});

test("close() leaves nothing running", () => {
  connection.close();
  assert.equal(clock.timers.size, 0);
  assert.ok(FakeSocket.latest.closed);
  assert.equal(connection.send({ type: "ping" }), false);
});

test("backoff grows, is jittered and bounded", () => {
  assert.deepEqual(
    [0, 1, 2, 5, 199, 200].map((attempt) => backoff(attempt, 0)),
    [250, 500, 1000, 1000, 1000, 7500],
  );
  assert.equal(backoff(199, 1), 2_000);
  assert.equal(backoff(1_000, 1), 15_000);
});

test("case i3: a server that was away for long is met within 3 s of its return", async () => {
  for (const away_ms of [5_000, 30_000, 120_000]) {
    FakeSocket.latest.breaks();
    for (const begun = clock.now_ms; clock.now_ms - begun < away_ms; ) {
      await clock.pass(50);
      if (connection.state === "connecting") FakeSocket.latest.breaks();
    }
    const returned = clock.now_ms;
    while (connection.state !== "connecting") await clock.pass(50);
    assert.ok(clock.now_ms - returned <= 2_000, `${clock.now_ms - returned} ms after ${away_ms} ms`);
    FakeSocket.latest.open();
    await clock.pass(100);
  }
});
