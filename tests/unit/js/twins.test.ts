/** One cache of twins: what any page has heard of a device is there at once for the next, and is not sent again. */

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Client } from "#client/client.js";
import { Twins } from "../../../devices/web/frontend/src/data/twins";
import { FakeClock, FakeSocket, environment } from "./helpers.js";

const KEY = "demo/lamp";

function snapshot(sub: string, rev: number, value: number, reason = "subscribe") {
  const metrics = { t: { value, ts: rev } };
  return { type: "snapshot", sub, reason, more: false, devices: [{ device: KEY, rev, metrics }] };
}

describe("twins", () => {
  let client: Client;
  let twins: Twins;
  const socket = () => FakeSocket.latest;

  beforeEach(() => {
    client = new Client("ws://here/", environment(new FakeClock()));
    twins = new Twins(client);
    socket().open();
  });

  function subscribed(): any {
    return socket().sent.findLast((frame: any) => frame.type === "subscribe");
  }

  test("what one subscription has brought, the next goes on from", async () => {
    twins.watch({ site: "*" });
    await socket().says(snapshot(subscribed().id, 7, 20));
    assert.equal(twins.get(KEY)?.metrics["t"]?.value, 20);
    const device = twins.watch({ devices: [KEY, "demo/other"] });
    assert.deepEqual(subscribed().devices, { [KEY]: 7, "demo/other": null });
    assert.equal(device.devices.get(KEY)?.rev, 7);
    await socket().says({
      type: "delta",
      sub: subscribed().id,
      items: [{ device: KEY, prev: 7, rev: 8, readings: [{ rev: 8, ts: 8, metrics: { t: 21 } }] }],
    });
    assert.equal(twins.get(KEY)?.metrics["t"]?.value, 21);
  });

  test("of two subscriptions, the one that is further on counts; a restored database counts in any case", async () => {
    twins.watch({ site: "*" });
    const fleet = subscribed().id;
    twins.watch({ devices: [KEY] });
    const device = subscribed().id;
    await socket().says(snapshot(device, 9, 29));
    await socket().says(snapshot(fleet, 8, 28, "new"));
    assert.equal(twins.get(KEY)?.metrics["t"]?.value, 29);
    await socket().says(snapshot(device, 3, 23, "reset"));
    assert.equal(twins.get(KEY)?.rev, 3);
  });

  test("a device that is gone, or refused, is known no more", async () => {
    twins.watch({ site: "*" });
    await socket().says(snapshot(subscribed().id, 7, 20));
    await socket().says({ type: "gone", sub: subscribed().id, device: KEY });
    assert.equal(twins.get(KEY), undefined);
    assert.equal(twins.known({ site: "*" }).size, 0);
  });

  test("what is known of a site is of that site", async () => {
    twins.watch({ site: "*" });
    await socket().says(snapshot(subscribed().id, 7, 20));
    assert.deepEqual([...twins.known({ site: "demo" }).keys()], [KEY]);
    assert.equal(twins.known({ site: "dem" }).size, 0);
  });

  test("what isn't urgent waits until whole sites have come, and for nothing else", async () => {
    let isWhole = false;
    const ask = () => twins.whole().then(() => (isWhole = true));
    twins.watch({ devices: [KEY] });
    await ask();
    isWhole = false;
    twins.watch({ site: "*" });
    const page = snapshot(subscribed().id, 7, 20);
    ask();
    await socket().says({ ...page, more: true });
    assert.equal(isWhole, false);
    await socket().says({ ...page, devices: [] });
    assert.equal(isWhole, true);
  });

  describe("descriptions", () => {
    const brief = { name: "Lamp" };
    const full = { name: "Lamp", serial: "7", properties: [] };
    const described = (sub: string, rev: number, description: object, reason = "subscribe") => ({
      type: "snapshot",
      sub,
      reason,
      more: false,
      devices: [{ device: KEY, rev, metrics: {}, description }],
    });

    test("of a device whose brief one is known, the full one is asked for", async () => {
      twins.watch({ site: "*", description: "brief" });
      await socket().says(described(subscribed().id, 7, brief));
      assert.deepEqual(twins.get(KEY)?.description, brief);
      twins.watch({ devices: [KEY] });
      assert.deepEqual(subscribed().devices, { [KEY]: null });
      await socket().says(described(subscribed().id, 7, full));
      assert.deepEqual(twins.get(KEY)?.description, full);
      twins.watch({ devices: [KEY] });
      assert.deepEqual(subscribed().devices, { [KEY]: 7 });
    });

    test("a list takes nothing from the full one, unless it is further on: then that is asked for again", async () => {
      twins.watch({ devices: [KEY] });
      await socket().says(described(subscribed().id, 7, full));
      twins.watch({ site: "*", description: "brief" });
      const fleet = subscribed();
      assert.deepEqual(fleet.devices, { [KEY]: 7 });
      await socket().says(described(fleet.id, 7, brief, "new"));
      assert.deepEqual(twins.get(KEY)?.description, full);
      await socket().says({ type: "delta", sub: fleet.id, items: [{ device: KEY, prev: 7, rev: 8, readings: [] }] });
      assert.equal(twins.get(KEY)?.rev, 8);
      twins.watch({ devices: [KEY] });
      assert.deepEqual(subscribed().devices, { [KEY]: null });
    });

    test("who has none goes on from where it was", async () => {
      twins.watch({ site: "*", description: "brief" });
      await socket().says(snapshot(subscribed().id, 7, 20));
      twins.watch({ devices: [KEY] });
      assert.deepEqual(subscribed().devices, { [KEY]: 7 });
    });
  });
});
