/** What is kept for who goes back: the same one, as long as it is held and a while after, then closed, once. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";

import { Kept } from "../../../devices/web/frontend/src/data/kept";

class Thing {
  closed = 0;

  close() {
    this.closed += 1;
  }
}

describe("kept", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  test("who comes back in time finds it", () => {
    const kept = new Kept();
    const thing = kept.get("a", () => new Thing(), 1000);
    const release = kept.hold("a");
    mock.timers.tick(5000);
    release();
    mock.timers.tick(999);
    assert.equal(kept.get("a", () => new Thing(), 1000), thing);
    assert.equal(thing.closed, 0);
  });

  test("later it is closed, and there is another one", () => {
    const kept = new Kept();
    const thing = kept.get("a", () => new Thing(), 1000);
    kept.hold("a")();
    mock.timers.tick(1000);
    assert.equal(thing.closed, 1);
    assert.notEqual(kept.get("a", () => new Thing(), 1000), thing);
  });

  test("of two who hold it, the last one's leaving counts", () => {
    const kept = new Kept();
    const thing = kept.get("a", () => new Thing(), 1000);
    const [one, other] = [kept.hold("a"), kept.hold("a")];
    one();
    mock.timers.tick(5000);
    assert.equal(thing.closed, 0);
    other();
    mock.timers.tick(1000);
    assert.equal(thing.closed, 1);
  });

  test("one that was made and never held goes, too", () => {
    const kept = new Kept();
    const thing = kept.get("a", () => new Thing(), 1000);
    mock.timers.tick(1000);
    assert.equal(thing.closed, 1);
  });
});
