import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Client } from "../../../devices/web/static/causeway/client/client.js";
import { FakeClock, FakeSocket, environment, settled } from "./helpers.js";

/** @type {FakeClock} */ let clock;
/** @type {Client} */ let client;
const ANN = { user: "ann", doing: "viewing", since: 1 };

beforeEach(() => {
  clock = new FakeClock();
  FakeSocket.made = [];
  client = new Client("http://x/ws/v1/", environment(clock));
});

/** What the client asked about places, without ids. */
function asked() {
  const about = FakeSocket.latest.sent.filter(({ type }) => type === "attend" || type === "leave");
  return about.map(({ type, place, doing }) => [type, place, doing].filter(Boolean).join(" "));
}

/** @param {any} reply */
async function answered(reply) {
  const { id } = FakeSocket.latest.sent.findLast(({ type }) => type === "attend" || type === "leave");
  await FakeSocket.latest.says({ id, ...reply });
}

async function reconnected() {
  FakeSocket.latest.breaks();
  await clock.pass(250);
  FakeSocket.latest.open();
  await settled();
}

describe("attending a place", () => {
  test("shows who is there, and is taken up again after a reconnect with the latest doing", async () => {
    const stay = client.attend("s/d");
    /** @type {any[]} */ const shown = [];
    stay.on("people", (people) => shown.push(people));
    FakeSocket.latest.open();
    assert.deepEqual(asked(), ["attend s/d viewing"]);
    await answered({ type: "ok" });
    await FakeSocket.latest.says({ type: "people", place: "s/d", people: [ANN] });
    await FakeSocket.latest.says({ type: "people", place: "s/other", people: [] });
    assert.deepEqual(stay.people, [ANN]);
    stay.say("editing");
    stay.say("editing");
    assert.deepEqual(asked().slice(1), ["attend s/d editing"]);
    await reconnected();
    assert.deepEqual(asked(), ["attend s/d editing"]);
    assert.deepEqual(shown, [[ANN], null]);
  });

  test("by several parts of a page is one for the server: the strongest doing, until the last leaves", async () => {
    FakeSocket.latest.open();
    const [page, composer] = [client.attend("s/d"), client.attend("s/d", "commanding")];
    await FakeSocket.latest.says({ type: "people", place: "s/d", people: [ANN] });
    assert.deepEqual([page.people, composer.people, client.attend("s/d").people], [[ANN], [ANN], [ANN]]);
    composer.leave();
    assert.deepEqual(asked(), ["attend s/d viewing", "attend s/d commanding", "attend s/d viewing"]);
  });

  test("that nobody attends any more is left, once", async () => {
    FakeSocket.latest.open();
    const stay = client.attend("page:fleet");
    stay.leave();
    stay.leave();
    assert.deepEqual(asked(), ["attend page:fleet viewing", "leave page:fleet"]);
    await answered({ type: "error", code: "not_found", message: "" });
    await reconnected();
    assert.deepEqual(asked(), []);
  });

  test("is asked again when the server can't take it just now", async () => {
    FakeSocket.latest.open();
    const stay = client.attend("s/d");
    await answered({ type: "error", code: "unavailable", message: "later" });
    assert.equal(asked().length, 1);
    await clock.pass(2_000);
    assert.equal(asked().length, 2);
    stay.leave();
  });

  test("that is refused fails, and is asked for no more", async () => {
    FakeSocket.latest.open();
    const stay = client.attend("s/d");
    /** @type {any[]} */ const failed = [];
    stay.on("failed", ({ code }) => failed.push(code));
    await answered({ type: "error", code: "not_found", message: "" });
    await reconnected();
    stay.say("editing");
    stay.leave();
    assert.deepEqual([failed, asked()], [["not_found"], []]);
  });
});
