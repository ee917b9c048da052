import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Client } from "../../../devices/web/static/causeway/client/client.js";
import { FakeClock, FakeSocket, environment, settled } from "./helpers.js";

/** @type {FakeClock} */ let clock;
/** @type {Client} */ let client;

beforeEach(() => {
  clock = new FakeClock();
  FakeSocket.made = [];
  client = new Client("http://x/ws/v1/", environment(clock));
});

/** @param {string[]} keys @returns {any} */
function snapshot(sub = "", keys = ["s/d"], rev = 5) {
  const devices = keys.map((device) => ({ device, rev, metrics: {}, reported: {}, desired: {}, tags: [] }));
  return { type: "snapshot", sub, reason: "subscribe", more: false, devices };
}

/** The server takes up the newest subscription. */
async function taken(more = {}) {
  const { id } = FakeSocket.latest.asked("subscribe");
  await FakeSocket.latest.says({ type: "ok", id, sub: id, ...more });
  return id;
}

async function reconnected() {
  FakeSocket.latest.breaks();
  await clock.pass(250);
  FakeSocket.latest.open();
  await settled();
}

/** An open client that watches all, with s/d at rev 5. */
async function watching() {
  FakeSocket.latest.open();
  const fleet = client.watch({ site: "*" });
  /** @type {any[]} */ const changes = [];
  fleet.on("change", (change) => changes.push(change));
  await FakeSocket.latest.says(snapshot(await taken()));
  return { fleet, changes, sub: /** @type {string} */ (fleet.id) };
}

describe("subscriptions", () => {
  test("ask once the connection is open, and go where the page came from", () => {
    client.watch({ devices: ["s/d"], max_rate_hz: 2, description: "brief" });
    assert.equal(FakeSocket.latest.url, "ws://x/ws/v1/");
    FakeSocket.latest.open();
    const { id, ...frame } = FakeSocket.latest.asked("subscribe");
    assert.deepEqual(frame, { type: "subscribe", max_rate_hz: 2, description: "brief", devices: { "s/d": null } });
  });

  test("resume after a reconnect from where they were", async () => {
    const { sub, fleet } = await watching();
    const items = [{ device: "s/d", prev: 5, rev: 8, reported: { a: 1 } }];
    await FakeSocket.latest.says({ type: "delta", sub, items });
    await reconnected();
    const { site, devices } = FakeSocket.latest.asked("subscribe");
    assert.deepEqual({ site, devices }, { site: "*", devices: { "s/d": 8 } });
    assert.deepEqual(fleet.devices.get("s/d")?.reported, { a: 1 });
  });

  test("resume a very large fleet as far as a frame reaches", async () => {
    FakeSocket.latest.open();
    const fleet = client.watch({ site: "*" });
    const keys = [...Array(10_000).keys()].map((number) => `site/device-with-a-long-name-${number}`);
    await FakeSocket.latest.says(snapshot(await taken(), keys));
    await reconnected();
    const frame = FakeSocket.latest.asked("subscribe");
    assert.ok(JSON.stringify(frame).length < 256 * 1024);
    assert.ok(Object.keys(frame.devices).length > 4_000);
    assert.equal(fleet.devices.size, 10_000);
  });

  test("mend a gap: leave, and ask again from the last whole rev", async () => {
    const { sub, changes } = await watching();
    await FakeSocket.latest.says({ type: "delta", sub, items: [{ device: "s/d", prev: 7, rev: 8 }] });
    assert.equal(FakeSocket.latest.asked("unsubscribe").sub, sub);
    const again = FakeSocket.latest.asked("subscribe");
    assert.notEqual(again.id, sub);
    assert.deepEqual(again.devices, { "s/d": 5 });
    assert.equal(client.status, "reconnecting");
    await FakeSocket.latest.says({ type: "delta", sub, items: [{ device: "s/d", prev: 5, rev: 8 }] });
    assert.equal(changes.length, 1, "frames of the left subscription are not heard");
    await taken();
    assert.equal(client.status, "live");
  });

  test("ask for a snapshot of a device whose gap does not mend", async () => {
    const { fleet } = await watching();
    for (let times = 0; times < 3; times++) {
      await FakeSocket.latest.says({
        type: "delta",
        sub: fleet.id,
        items: [{ device: "s/d", prev: 7, rev: 8 }],
      });
    }
    assert.deepEqual(FakeSocket.latest.asked("subscribe").devices, {});
  });

  test("drop devices that are refused when resuming", async () => {
    const { fleet, changes } = await watching();
    await reconnected();
    await taken({ refused: ["s/d"] });
    assert.equal(fleet.devices.size, 0);
    assert.equal(changes.at(-1).kind, "gone");
  });

  test("try again when the server can't take them just now", async () => {
    client.watch({ site: "*" });
    FakeSocket.latest.open();
    const { id } = FakeSocket.latest.asked("subscribe");
    await FakeSocket.latest.says({ type: "error", id, code: "unavailable", message: "later" });
    assert.equal(client.status, "connecting");
    await clock.pass(2_000);
    assert.notEqual(FakeSocket.latest.asked("subscribe").id, id);
  });

  test("tell when they are refused for good", async () => {
    /** @type {any} */ let failed;
    client.watch({ site: "secret" }).on("failed", (error) => (failed = error));
    FakeSocket.latest.open();
    const { id } = FakeSocket.latest.asked("subscribe");
    await FakeSocket.latest.says({ type: "error", id, code: "forbidden", message: "no" });
    assert.equal(failed.code, "forbidden");
  });

  test("end with close()", async () => {
    const { fleet, sub, changes } = await watching();
    fleet.close();
    assert.equal(FakeSocket.latest.asked("unsubscribe").sub, sub);
    await FakeSocket.latest.says({ type: "gone", sub, device: "s/d" });
    await reconnected();
    assert.equal(changes.length, 1);
    assert.equal(FakeSocket.latest.asked("subscribe"), undefined);
  });
});

describe("events that name no subscription", () => {
  /** @type {any} */ const event = { type: "event", device: "s/d", rev: 6, name: "door", data: null, ts: 1 };

  test("reach each subscription that stands right before them", async () => {
    const { changes } = await watching();
    const other = client.watch({ devices: ["s/d"] });
    await FakeSocket.latest.says(snapshot(await taken(), ["s/d"], 6));
    await FakeSocket.latest.says(event);
    assert.equal(changes.at(-1).event.name, "door");
    assert.equal(other.devices.get("s/d")?.rev, 6);
    assert.equal(FakeSocket.latest.asked("unsubscribe"), undefined);
  });

  test("are a gap when none does", async () => {
    const { sub } = await watching();
    await FakeSocket.latest.says({ ...event, rev: 9 });
    assert.equal(FakeSocket.latest.asked("unsubscribe").sub, sub);
  });
});

describe("status", () => {
  test("is live only once every subscription is taken up", async () => {
    /** @type {string[]} */ const seen = [];
    client.on("status", (status) => seen.push(status));
    client.watch({ site: "*" });
    FakeSocket.latest.open();
    assert.deepEqual(seen, []);
    await taken();
    assert.deepEqual(seen, ["live"]);
    const heard = client.heard;
    await reconnected();
    assert.deepEqual(seen, ["live", "reconnecting"]);
    assert.equal(client.heard, heard);
    await taken();
    assert.equal(seen.at(-1), "live");
  });

  test("tells why it closed", () => {
    FakeSocket.latest.breaks(4401);
    assert.deepEqual([client.status, client.reason], ["closed", "unauthorized"]);
  });

  const LINK = {
    broker: "down",
    workers: "up",
    gateway: "up",
    layer: "up",
    database: "unknown",
    fresh: false,
    since: 7,
  };

  test("the link is what the server says, and nothing while it can't", async () => {
    FakeSocket.latest.open();
    await FakeSocket.latest.says({ type: "link", ...LINK });
    assert.deepEqual(client.link, LINK);
    FakeSocket.latest.breaks();
    assert.equal(client.link, null);
  });
});

describe("requests", () => {
  test("a command resolves with what was stored", async () => {
    FakeSocket.latest.open();
    const promise = client.command("s/d", "set_led", { on: true }, { ttl_s: 5 });
    const { id, idempotency_key, ...frame } = FakeSocket.latest.asked("command");
    assert.deepEqual(frame, {
      type: "command",
      device: "s/d",
      name: "set_led",
      args: { on: true },
      ttl_s: 5,
    });
    assert.match(idempotency_key, /^[0-9a-f]{32}$/);
    await FakeSocket.latest.says({ type: "ok", id, command: { id: "c1", status: "accepted" } });
    assert.equal((await promise).id, "c1");
  });

  test("a command is asked again after a reconnect, with the same key", async () => {
    FakeSocket.latest.open();
    const promise = client.command("s/d", "reboot");
    const first = FakeSocket.latest.asked("command");
    await reconnected();
    assert.deepEqual(FakeSocket.latest.asked("command"), first);
    await FakeSocket.latest.says({ type: "ok", id: first.id, command: { id: "c1" } });
    assert.equal((await promise).id, "c1");
  });

  test("a desired patch is not repeated: its outcome is open", async () => {
    FakeSocket.latest.open();
    const rejected = assert.rejects(client.desired("s/d", { target: 21 }, { if_version: 3 }), {
      code: "disconnected",
    });
    assert.equal(FakeSocket.latest.asked("desired").if_version, 3);
    FakeSocket.latest.breaks();
    await rejected;
  });

  test("without a connection a desired patch fails at once", async () => {
    await assert.rejects(client.desired("s/d", {}), { code: "disconnected" });
  });

  test("errors carry the server's code", async () => {
    FakeSocket.latest.open();
    const expected = { name: "RequestError", code: "conflict", message: "version is 2" };
    const rejected = assert.rejects(client.desired("s/d", {}, { if_version: 1 }), expected);
    const { id } = FakeSocket.latest.asked("desired");
    await FakeSocket.latest.says({ type: "error", id, code: "conflict", message: "version is 2" });
    await rejected;
  });

  test("no answer in time is a timeout", async () => {
    FakeSocket.latest.open();
    const rejected = assert.rejects(client.command("s/d", "x", {}, { timeout_ms: 3_000 }), {
      code: "timeout",
    });
    await clock.pass(3_000);
    await rejected;
  });

  test("close() fails what waits", async () => {
    const rejected = assert.rejects(client.command("s/d", "x"), { code: "closed" });
    client.close();
    await rejected;
  });

  test("each step of a command, and of an alert, is heard", async () => {
    FakeSocket.latest.open();
    /** @type {any[]} */ const steps = [];
    client.on("command", (command) => steps.push(command.status));
    await FakeSocket.latest.says({ type: "command", command: { id: "c1", status: "sent" } });
    await FakeSocket.latest.says({ type: "command", command: { id: "c1", status: "done" } });
    client.on("alert", (alert) => steps.push(alert.state));
    await FakeSocket.latest.says({ type: "alert", alert: { id: "a1", state: "firing" } });
    assert.deepEqual(steps, ["sent", "done", "firing"]);
  });
});

test("a listener that fails does not harm the others", async (context) => {
  const logged = context.mock.method(console, "error", () => {});
  const { fleet, sub, changes } = await watching();
  fleet.on("change", () => {
    throw new Error("broken listener");
  });
  fleet.on("change", (change) => changes.push(change));
  await FakeSocket.latest.says({ type: "gone", sub, device: "s/d" });
  assert.equal(changes.filter(({ kind }) => kind === "gone").length, 2);
  assert.equal(logged.mock.callCount(), 1);
});
