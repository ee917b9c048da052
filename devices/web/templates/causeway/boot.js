// Runs before the page's modules, in any browser, so it is written in the oldest JavaScript (no comma after a last argument). A page that can't be shown
// says why instead of staying blank, and one whose modules did not arrive (a network that changed, a deploy) tries again.
(function () {
  "use strict";
  var LONGEST_MS = 15000;
  var COUNT = "causeway.attempts";
  var root = document.documentElement;

  function attempts() {
    try {
      return Number(sessionStorage.getItem(COUNT)) || 0;
    } catch (error) {
      return 0;
    }
  }

  /** Put a sentence where the page would be. */
  function say(text) {
    function put() {
      var main = document.getElementById("main");
      if (!main || root.getAttribute("data-started")) return;
      var line = document.createElement("p");
      line.className = "blank";
      line.setAttribute("role", "alert");
      line.appendChild(document.createTextNode(text));
      main.innerHTML = "";
      main.appendChild(line);
    }
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", put);
    else put();
  }

  function tooOld() {
    say(
      "This browser is too old for these pages: they need Chrome or Edge 110, Firefox 110, Safari 16.4, or later. " +
        "The API, under /api/v1/, works with anything."
    );
  }

  /** Load the page again as soon as the server has it. */
  function again() {
    var count = attempts();
    var wait_ms = Math.min(LONGEST_MS, 500 * Math.pow(2, count));
    say("A part of this page could not be loaded. Trying again in " + Math.ceil(wait_ms / 1000) + " s.");
    try {
      sessionStorage.setItem(COUNT, String(Math.min(count + 1, 10)));
    } catch (error) {
      // then the next attempt is as soon as this one
    }
    setTimeout(function () {
      fetch(location.href, { method: "HEAD", cache: "no-store" }).then(function (answer) {
        if (answer.ok) location.reload();
        else again();
      }, again);
    }, wait_ms);
  }

  var isOld = !("noModule" in document.createElement("script")) || !window.HTMLScriptElement.supports;
  if (isOld || !window.HTMLScriptElement.supports("importmap")) return tooOld();

  /** Connect while the modules are still on their way: frontend/src/data/early.ts takes it over, and what it has heard. */
  function connectEarly() {
    var url = new URL(document.querySelector("meta[name=causeway-ws]").content, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    var early = { url: url.href, socket: new WebSocket(url.href), heard: [] };
    early.socket.onmessage = function (message) {
      early.heard.push(message);
    };
    window.causewayEarly = early;
  }

  connectEarly();
  addEventListener("causeway-part-missing", again); // see frontend/src/shell/main.tsx
  addEventListener(
    "error",
    function (event) {
      if (root.getAttribute("data-started")) return;
      var from = event.target;
      if (from && from.tagName === "SCRIPT" && from.type === "module") again();
      else if (event.error)
        say("This page could not be started: " + event.message + ". A newer browser may help, or loading it again.");
    },
    true
  );
})();
