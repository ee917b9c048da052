/** The cases that the Python client is held to as well. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { applyFrame, newStream } from "../../../devices/web/static/causeway/client/stream.js";

const cases = JSON.parse(readFileSync(new URL("../causeway_client/streams.json", import.meta.url), "utf8"));

describe("the cases that all clients share", () => {
  for (const { name, frames, devices, complete, gap } of cases) {
    test(name, () => {
      const stream = newStream();
      const gaps = frames
        .filter((/** @type {any} */ frame) => "sub" in frame && frame.type !== "ok")
        .flatMap((/** @type {any} */ frame) => applyFrame(stream, frame).gaps);
      assert.deepEqual(Object.fromEntries(stream.devices), devices);
      assert.equal(stream.complete, complete);
      assert.deepEqual(gaps, gap === undefined ? [] : [gap]);
    });
  }
});
