import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ServerClock } from "../../../devices/web/frontend/src/lib/server_clock.js";
import { FakeClock, seeded } from "./helpers.js";

const HOUR_MS = 3_600_000;

/** A browser whose clock is wrong by that much. @param {number} wrong_ms */
function browser(wrong_ms) {
  const server = new FakeClock();
  server.now_ms = 1_790_000_000_321;
  const local = () => server.now_ms + wrong_ms;
  const clock = new ServerClock(local);
  /** An answer that took a while each way. @param {number} there_ms @param {number} back_ms */
  const ask = async (there_ms, back_ms) => {
    const asked = local();
    await server.pass(there_ms);
    const date = Math.floor(server.now_ms / 1000) * 1000;
    await server.pass(back_ms);
    clock.heard(date, asked, local());
  };
  return { ask, server, off: () => Math.abs(clock.now() - server.now_ms), clock };
}

describe("the server's time", () => {
  for (const [name, wrong_ms] of /** @type {[string, number][]} */ ([
    ["two hours ahead", 2 * HOUR_MS],
    ["twenty minutes behind", -HOUR_MS / 3],
    ["a day ahead", 24 * HOUR_MS],
  ])) {
    test(`case d4: is known to half a second by one answer, with a clock ${name}`, async () => {
      const { ask, off } = browser(wrong_ms);
      assert.ok(off() > HOUR_MS / 4);
      await ask(10, 30);
      assert.ok(off() <= 540, `${off()} ms`);
    });

    test(`case d4: is known more closely by several, with a clock ${name}`, async () => {
      const { ask, off, server } = browser(wrong_ms);
      const random = seeded(3);
      for (let nth = 0; nth < 40; nth++) {
        await ask(random() * 20, random() * 20);
        await server.pass(random() * 5000);
      }
      assert.ok(off() <= 80, `${off()} ms`);
    });
  }

  test("is this computer's as long as nothing speaks against it", async () => {
    const { ask, off } = browser(40);
    await ask(100, 100);
    assert.equal(off(), 40);
  });

  test("follows when this computer's clock is set", async () => {
    let wrong_ms = 0;
    const server = { now_ms: 1_790_000_000_000 };
    const clock = new ServerClock(() => server.now_ms + wrong_ms);
    clock.heard(server.now_ms, server.now_ms, server.now_ms);
    wrong_ms = HOUR_MS;
    clock.heard(server.now_ms, server.now_ms + wrong_ms, server.now_ms + wrong_ms);
    assert.ok(Math.abs(clock.now() - server.now_ms) <= 500);
  });

  test("learns nothing from an answer without a date", () => {
    const clock = new ServerClock(() => 5);
    clock.heard(NaN, 1, 2);
    assert.equal(clock.now(), 5);
  });
});
