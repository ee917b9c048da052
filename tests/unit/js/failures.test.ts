/** What fails is said with what to do about it. */

import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";

import { RequestError } from "../../../devices/web/static/causeway/client/requests.js";
import { messageOf, refusedBy, unanswered } from "../../../devices/web/frontend/src/data/failures";
import { setLocale } from "../../../devices/web/frontend/src/words/locale.js";

describe("failures", () => {
  afterEach(() => setLocale({ language: "en" }));

  test("what the server says stands, with what to do after it", () => {
    assert.equal(
      refusedBy(403, "the role viewer does not allow that"),
      "the role viewer does not allow that. An administrator can give you the role that it takes.",
    );
    assert.equal(refusedBy(400, "limit: at most 1000"), "limit: at most 1000");
  });

  test("what says nothing is told by its status", () => {
    assert.match(refusedBy(502, ""), /^The server answered 502\. It is starting or overloaded/);
    assert.equal(refusedBy(418, ""), "The server answered 418.");
  });

  test("who never answered is told in words, not in the browser's", () => {
    assert.match(unanswered(new TypeError("Failed to fetch")), /Check the network/);
    assert.match(unanswered(new DOMException("signal timed out", "TimeoutError")), /in time/);
  });

  test("a command whose fate is not known asks to look first", () => {
    assert.match(messageOf(new RequestError("disconnected", "x")), /whether it was taken/);
    assert.equal(
      messageOf(new RequestError("rate_limited", "at most 20 a second")),
      "at most 20 a second. Wait a moment, then send it again.",
    );
    assert.equal(messageOf(new RequestError("conflict", "version 3 it is")), "version 3 it is");
    assert.equal(messageOf(new Error("so")), "so");
  });

  test("in German, too", () => {
    setLocale({ language: "de" });
    assert.match(unanswered(new TypeError("Failed to fetch")), /Netz/);
  });
});
