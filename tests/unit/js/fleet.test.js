/** What the fleet shows of devices that are described, which metrics it offers, and what its address says. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { briefOf, commonLabels, withUnit } from "../../../devices/web/frontend/src/lib/brief.js";
import { offeredMetrics, selected } from "../../../devices/web/frontend/src/lib/device_list.js";
import { addressOf, queryOf, shownBy } from "../../../devices/web/frontend/src/lib/fleet_address.js";

/** @param {string} key @param {string[]} metrics @param {object} [description] @returns {any} */
function device(key, metrics, description) {
  const values = Object.fromEntries(metrics.map((name) => [name, { value: 1, ts: 1 }]));
  const state = { metrics: values, tags: [], presence: { status: "online" }, ...(description && { description }) };
  return { key, site: key.split("/")[0], updated: 0, state };
}

const EVERYTHING = { query: "", site: "", status: /** @type {const} */ (""), sort: "device", descending: false };
const lamp = device("home/0x00158d", ["t"], {
  name: "Kitchen lamp",
  properties: [{ metric: "t", label: "Temperature", unit: "°C" }, { metric: "h" }, "nonsense"],
});
const plain = device("home/pump", ["t"]);

describe("what devices are", () => {
  test("name, labels and units, and nothing where nothing is known", () => {
    assert.equal(briefOf(lamp.state).name, "Kitchen lamp");
    assert.deepEqual(briefOf(lamp.state).properties.get("t"), { label: "Temperature", unit: "°C", diagnostic: false });
    assert.deepEqual(briefOf(lamp.state).properties.get("h"), { label: "", unit: "", diagnostic: false });
    assert.equal(briefOf(plain.state).name, "");
    assert.equal(briefOf(/** @type {any} */ ({ description: { name: 7, properties: null } })).name, "");
  });

  test("the search finds a device by its friendly name, too", () => {
    const found = (/** @type {string} */ query) =>
      selected([lamp, plain], { ...EVERYTHING, query }).map(({ key }) => key);
    assert.deepEqual(found("kitchen"), ["home/0x00158d"]);
    assert.deepEqual(found("lamp 0x00"), ["home/0x00158d"]);
    assert.deepEqual(found("home"), ["home/0x00158d", "home/pump"]);
  });

  test("a metric has the label on which all agree who have one", () => {
    const other = device("home/other", ["t", "x"], {
      properties: [{ metric: "t", label: "Temperature" }, { metric: "x", label: "One" }],
    });
    const third = device("home/third", ["x"], { properties: [{ metric: "x", label: "Two" }] });
    assert.deepEqual([...commonLabels([lamp, plain, other, third])], [["t", "Temperature"]]);
  });

  test("a number has its unit", () => {
    assert.equal(withUnit("21.5", 21.5, "°C"), "21.5\u00a0°C");
    assert.equal(withUnit("7", 7, ""), "7");
    assert.equal(withUnit("on", true, "°C"), "on");
    assert.equal(withUnit("–", undefined, "°C"), "–");
  });
});

describe("metrics to choose from", () => {
  const odd = device("home/odd", [...Array(200).keys()].map((nth) => `a${nth}`));
  const fleet = [odd, ...[1, 2, 3].map((nth) => device(`home/d${nth}`, ["temperature", "battery"]))];
  const labels = new Map([["temperature", "Wärme"]]);

  test("an odd device doesn't flood them", () => {
    const { names, more } = offeredMetrics(fleet, "", labels);
    assert.deepEqual(names.slice(0, 2), ["battery", "temperature"]);
    assert.equal(names.length + more, 202);
    assert.ok(names.length <= 12);
  });

  test("any is found, by name or label", () => {
    assert.deepEqual(offeredMetrics(fleet, "a199", labels), { names: ["a199"], more: 0 });
    assert.deepEqual(offeredMetrics(fleet, "wärme", labels), { names: ["temperature"], more: 0 });
    assert.deepEqual(offeredMetrics(fleet, "none", labels), { names: [], more: 0 });
    const many = offeredMetrics(fleet, "a", labels);
    assert.equal(many.names.length + many.more, 202);
    assert.ok(many.more > 0);
  });
});

describe("the fleet's address", () => {
  const usual = { order: { sort: "device", descending: false }, columns: [] };
  const other = { order: { sort: "updated", descending: true }, columns: ["t"] };
  const plainly = { wanted: EVERYTHING, columns: [] };
  const some = {
    wanted: { query: "a b", site: "home", status: /** @type {const} */ ("stale"), sort: "metric:t", descending: true },
    columns: ["t", "h"],
  };
  const read = (/** @type {string} */ query, /** @type {any} */ last) => shownBy(new URLSearchParams(query), last);

  test("a view is read the same whatever was chosen last", () => {
    for (const shown of [plainly, some])
      for (const last of [usual, other]) assert.deepEqual(read(queryOf(shown), last), shown);
  });

  test("what it leaves open is as it was chosen last", () => {
    assert.deepEqual(read("", usual), plainly);
    assert.deepEqual(read("", other), { wanted: { ...EVERYTHING, ...other.order }, columns: ["t"] });
  });

  test("an address says nothing that goes without saying, and is read as what is shown", () => {
    const told = addressOf(plainly, usual);
    assert.deepEqual([told["sort"], told["order"], told["column"]], [null, null, []]);
    const said = addressOf(plainly, other);
    assert.deepEqual([said["sort"], said["column"]], ["device", ["*"]]);
  });
});
