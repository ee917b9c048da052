// Runs in the page before anything of its own: notes when the fleet is on screen, and long tasks.
(() => {
  const ROW_PX = 40; // as fleet.css has it at this width
  const probe = (globalThis.benchProbe = { first_ms: null, whole_ms: null, longest_ms: 0 });

  /** When the first row and all rows are there: ms since the navigation began. */
  probe.watchLoading = (devices) => {
    const look = () => {
      const body = document.querySelector(".fleet-body");
      if (probe.first_ms === null && body?.querySelector(".fleet-row")) probe.first_ms = performance.now();
      if (body && parseFloat(body.style.height) >= devices * ROW_PX) probe.whole_ms = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  };

  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) probe.longest_ms = Math.max(probe.longest_ms, duration);
  }).observe({ type: "longtask" });

  /** Follow a link (null: go back), and tell how many ms it took until a frame had an element of that selector with a text. */
  probe.painted = (link, selector, text) =>
    new Promise((done, fail) => {
      const begun = performance.now();
      if (link) document.querySelector(link).click();
      else history.back();
      const look = () => {
        const took_ms = performance.now() - begun;
        if ([...document.querySelectorAll(selector)].some((one) => one.textContent.includes(text))) done(took_ms);
        else if (took_ms > 10_000) fail(new Error(`no ${selector} with ${text}`));
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
})();
