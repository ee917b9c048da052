/** What stands around every page: the way from the devices to here, and the banner when it is interrupted. */

import { render } from "preact";

import { formatSpan, formatTime } from "../lib/format.js";
import { asOf, client, link, lostAt, now, status } from "../live.js";
import { page } from "../page.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";

const PATIENCE_MS = 900; // a shorter interruption only dims the values: a banner that comes and goes moves the page

const LABELS = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting", closed: "Closed" };

/** Three spans of a causeway: broker, workers, this page. A broken one is where the way is interrupted. */
function LinkIndicator() {
  const here = status.value;
  const [broker, workers] =
    here === "live" && link.value ? [link.value.broker, link.value.workers] : ["unsure", "unsure"];
  const page = here === "live" ? "up" : here === "closed" ? "down" : "unsure";
  const spans = [broker, workers, page];
  const text = here === "live" && spans.includes("down") ? "Interrupted" : LABELS[here];
  const since = link.value?.since ? `\nas it is since ${formatTime(link.value.since)}` : "";
  const tip = `Broker: ${label(broker)}\nWorkers: ${label(workers)}\nThis page: ${LABELS[here].toLowerCase()}${since}`;
  return html`<div class="link-indicator tip-right" data-tip=${tip} tabindex="0" role="status">
    <svg viewBox="0 0 46 14" fill="none" stroke-width="2" aria-hidden="true">
      ${spans.map((span, index) => html`<path class="span-${span}" d="M${4 + index * 13} 7h12" />`)}
      ${[4, 17, 30, 43].map((x) => html`<circle class="pier" cx=${x - 0.5} cy="7" r="2.2" stroke-width="1.5" />`)}
    </svg>
    <span class="link-label">${text}</span>
  </div>`;
}

/** @param {string} state */
function label(state) {
  return state === "unsure" ? "not known" : state;
}

function Banner() {
  if (status.value === "reconnecting") return now.value - lostAt.value < PATIENCE_MS ? null : Lost();
  if (status.value === "closed") return Closed();
  if (link.value?.broker === "down") {
    const text =
      "Nothing comes from the devices meanwhile. Commands are kept and sent when the broker is back.";
    return Message({
      heading: `The MQTT broker can't be reached since ${formatTime(link.value.since)}.`,
      text,
    });
  }
  if (link.value?.workers === "down") {
    const text = "What the devices send waits at the broker and will be shown then. Commands wait too.";
    return Message({
      heading: `The device workers don't answer since ${formatTime(link.value.since)}.`,
      text,
    });
  }
  return null;
}

function Lost() {
  const wait = client.retryAt ? `, again in ${formatSpan(Math.max(1000, client.retryAt - now.value))}` : "";
  const action = html`<button class="button small" onClick=${() => client.retryNow()}>Retry now</button>`;
  return Message({
    heading: `Reconnecting${wait}.`,
    text: `Showing values as of ${formatTime(asOf.value)}.`,
    action,
  });
}

function Closed() {
  if (client.reason === "unauthorized") {
    const next = encodeURIComponent(location.pathname + location.search);
    const action = html`<a class="button small" href=${`${page.base}/login?next=${next}`}>Sign in</a>`;
    return Message({ heading: "Your session has ended.", text: shownAsOf(), action, bad: true });
  }
  return Message({
    heading: "No access.",
    text: "You have no role at any site. An administrator can give you one.",
    bad: true,
  });
}

function shownAsOf() {
  return asOf.value ? `Showing values as of ${formatTime(asOf.value)}.` : "";
}

/** @param {{heading: string, text: string, action?: any, bad?: boolean}} props */
function Message({ heading, text, action = null, bad = false }) {
  return html`<div class=${`banner ${bad ? "bad" : ""}`}>
    <${Icon} name="warning" /><p><strong>${heading}</strong> ${text}</p>${action}
  </div>`;
}

/** Show a page's content between its frame. @param {any} content */
export function show(content) {
  const [indicator, banner, main] = ["link-indicator", "banner", "main"].map(
    (id) => /** @type {HTMLElement} */ (document.getElementById(id)),
  );
  if (!indicator || !banner || !main) throw new Error("not a page of ours");
  render(html`<${LinkIndicator} />`, indicator);
  render(html`<${Banner} />`, banner);
  main.replaceChildren();
  document.documentElement.dataset["started"] = "yes"; // see templates/causeway/boot.js
  try {
    sessionStorage.removeItem("causeway.attempts");
  } catch {
    // then there was none
  }
  render(content, main);
  keepHeight();
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus());
}

/** Tell the style sheets how much sticks to the top. */
function keepHeight() {
  const top = document.getElementById("top");
  if (!top) return;
  const tell = () => document.documentElement.style.setProperty("--top", `${top.offsetHeight}px`);
  new ResizeObserver(tell).observe(top);
}

/** Menus (details elements) close on a click elsewhere and on Escape. @param {Event} [event] */
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!event || !menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
}
