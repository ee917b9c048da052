/** The npm package of the client, as somebody has it who installed it: by its name, without the checkout. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { FakeClock, FakeSocket, environment } from "./helpers.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const VERSION = "1.2.3";
const program = mkdtempSync(join(tmpdir(), "causeway-program-"));
const installed = join(program, "node_modules", "causeway-client");

before(() => {
  execFileSync("node", [join(ROOT, "clients", "javascript", "build.mjs"), program, VERSION], { timeout: 120_000 });
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(program, `causeway-client-${VERSION}.tgz`), "-C", installed, "--strip-components=1"]);
});
after(() => rmSync(program, { recursive: true }));

/** What a program there gets by importing that. @param {string} name @returns {Promise<any>} */
function imported(name) {
  const path = join(program, `${name.replaceAll("/", "-")}.mjs`);
  writeFileSync(path, `export * from ${JSON.stringify(name)};\n`);
  return import(pathToFileURL(path).href);
}

/** What the compiler says of a program there. @param {string} text */
function compiled(text) {
  writeFileSync(join(program, "program.mts"), text);
  const options = ["--ignoreConfig", "--noEmit", "--strict", "--types", "", "--target", "ES2022", "--module", "NodeNext"];
  const tsc = join(ROOT, "node_modules", ".bin", "tsc");
  return spawnSync(tsc, [...options, "program.mts"], { cwd: program, encoding: "utf8", timeout: 120_000 }).stdout;
}

describe("the package", () => {
  test("holds the modules, a type file of each, and what it is", () => {
    const modules = ["attendance", "client", "connection", "emitter", "index", "requests", "sendable", "stream", "subscription", "types"];
    const files = modules.flatMap((name) => [`${name}.d.ts`, `${name}.js`]);
    assert.deepEqual(readdirSync(installed).sort(), [...files, "LICENSE", "README.md", "package.json"].sort());
    const about = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    assert.deepEqual([about.name, about.version, about.license], ["causeway-client", VERSION, "BSD-3-Clause"]);
  });

  test("follows a stream, acknowledges it, and goes on after a loss from where it was", async () => {
    const { Client } = await imported("causeway-client");
    const clock = new FakeClock();
    const client = new Client("https://causeway.example/ws/v1/", environment(clock));
    /** @type {any[]} */ const told = [];
    client.watch({ site: "demo" }).on("change", (/** @type {any} */ change) => told.push([change.kind, change.state.rev]));
    FakeSocket.latest.open();
    const { id } = FakeSocket.latest.asked("subscribe");
    await FakeSocket.latest.says({ type: "ok", id, sub: id, refused: [] });
    const device = { device: "demo/pump", rev: 5, metrics: {}, reported: {}, desired: {}, tags: [] };
    await FakeSocket.latest.says({ type: "snapshot", sub: id, reason: "subscribe", more: false, devices: [device] });
    const readings = [{ rev: 6, ts: 1, metrics: { t: 21.5 } }];
    await FakeSocket.latest.says({ type: "delta", sub: id, items: [{ device: "demo/pump", prev: 5, rev: 6, readings }] });
    await clock.pass(1_000);
    assert.deepEqual([FakeSocket.latest.url, FakeSocket.latest.asked("ack").n], ["wss://causeway.example/ws/v1/", 3]);
    assert.deepEqual(told, [["snapshot", 5], ["delta", 6]]);
    FakeSocket.latest.breaks();
    await clock.pass(250);
    FakeSocket.latest.open();
    assert.deepEqual(FakeSocket.latest.asked("subscribe").devices, { "demo/pump": 6 });
    client.close();
  });

  test("has the rule alone, too", async () => {
    const { applyFrame, newStream } = await imported("causeway-client/stream");
    const device = { device: "s/d", rev: 1, metrics: {}, reported: {}, desired: {}, tags: [] };
    const frame = { type: "snapshot", sub: "1", reason: "subscribe", more: false, devices: [device] };
    assert.equal(applyFrame(newStream(), frame).changes.length, 1);
  });

  test("is typed", () => {
    const head = 'import { Client, RequestError, type DeviceState } from "causeway-client";\nimport { mergePatch } from "causeway-client/stream";\n';
    const good = `${head}const states: Map<string, DeviceState> = new Map();
const client = new Client("/ws/v1/");
client.watch({ site: "*" }).on("change", (one) => one.kind === "delta" && states.set(one.device, one.state));
client.command("s/d", "blink").catch((error: unknown) => error instanceof RequestError && error.code === "timeout");
mergePatch({ a: 1 }, { a: null });\n`;
    assert.equal(compiled(good), "");
    assert.match(compiled(`${head}new Client("/ws/v1/").watch({ sites: "*" });\n`), /program\.mts\(3,.*sites/);
  });
});
