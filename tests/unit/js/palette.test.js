import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { entriesFor, wordsOf } from "../../../devices/web/frontend/src/lib/palette.js";

const PAGES = [
  { title: "Fleet", href: "/" },
  { title: "Operations", href: "/ops" },
];
/** @param {string} device @param {any} [commands] */
const device = (device, commands) => ({ device, href: `/devices/${device}`, reported: { commands } });
const DEVICES = [
  device("demo/old-pump", ["identify"]),
  device("demo/pump-1", ["reboot", "re<b>", { name: "reset", args: {} }]),
  device("demo/pump-2", { reboot: {} }),
];

/** @param {string} query */
const found = (query) => entriesFor(query, PAGES, DEVICES).map(({ kind, label, detail }) => `${kind} ${label} ${detail}`.trim());

describe("palette", () => {
  test("the server is asked for the first word", () => assert.deepEqual(wordsOf("  Pump  REB "), ["pump", "reb"]));

  test("without a word there are the pages", () =>
    assert.deepEqual(entriesFor("", PAGES, []).map(({ href }) => href), ["/", "/ops"]));

  test("devices whose name begins so come first", () =>
    assert.deepEqual(found("pump"), ["device demo/pump-1", "device demo/pump-2", "device demo/old-pump"]));

  test("further words choose among devices, and among their commands", () => {
    assert.deepEqual(found("pump 2"), ["device demo/pump-2"]);
    assert.deepEqual(found("pump reb"), ["command reboot demo/pump-1", "command reboot demo/pump-2"]);
    assert.deepEqual(found("pump-1 re"), ["command reboot demo/pump-1", "command reset demo/pump-1"]);
    assert.deepEqual(found("reboot"), []);
  });

  test("a device is found by its name, too, and stands by it", () => {
    const description = { actions: [{ name: "purge" }, { name: "reset" }] };
    const boiler = { device: "demo/0x00158d", name: "Boiler room", href: "/devices/demo/0x00158d", reported: { commands: ["reset"] }, description };
    const found = (/** @type {string} */ query) => entriesFor(query, [], [...DEVICES, boiler]);
    assert.deepEqual(found("boil"), [{ kind: "device", label: "Boiler room", detail: "demo/0x00158d", href: "/devices/demo/0x00158d" }]);
    assert.deepEqual(found("158d").map(({ label }) => label), ["Boiler room"]);
    const commands = (/** @type {string} */ query) => found(query).map(({ label, detail }) => `${label} ${detail}`);
    assert.deepEqual(commands("boiler reset"), ["reset Boiler room"]);
    assert.deepEqual(commands("room purge"), ["purge Boiler room"]);
  });

  test("a command leads to its device, filled in", () =>
    assert.equal(entriesFor("pump-2 reb", PAGES, DEVICES)[0]?.href, "/devices/demo/pump-2?compose=reboot"));

  test("what a device says otherwise is nothing", () => {
    for (const commands of [null, 5, "reboot", [null, {}], undefined])
      assert.deepEqual(entriesFor("x re", [], [device("demo/x", commands)]), []);
  });
});
