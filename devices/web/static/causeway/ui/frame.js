/** What stands around every page: the way from the devices to here, and the banner when it is interrupted. */

import { render } from "preact";

import { described, faultOf, stretch } from "../lib/chain.js";
import { formatSpan, formatTime } from "../lib/format.js";
import { asOf, client, fresh, link, lostAt, now, obstacle, status } from "../live.js";
import { page } from "../page.js";
import { html } from "./html.js";
import { Icon } from "./icons.js";

const PATIENCE_MS = 900; // a shorter interruption only dims the values: a banner that comes and goes moves the page

const LABELS = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting", closed: "Closed" };

/** Three spans of a causeway: to the broker, to the database, to this page. A broken one is where the way is interrupted. */
function LinkIndicator() {
  const here = status.value;
  const known = here === "live" ? link.value : null;
  const page = here === "live" ? "up" : here === "closed" ? "down" : "unsure";
  const spans = [stretch(known, ["gateway", "broker"]), stretch(known, ["layer", "workers", "database"]), page];
  const text = here === "live" && !fresh.value ? (known ? "Interrupted" : LABELS.connecting) : LABELS[here];
  const since = known?.since ? `\nas it is since ${formatTime(known.since)}` : "";
  const tip = `${described(known).join("\n")}\nThis page: ${LABELS[here].toLowerCase()}${since}`;
  return html`<div class="link-indicator tip-right" data-tip=${tip} tabindex="0" role="status">
    <svg viewBox="0 0 46 14" fill="none" stroke-width="2" aria-hidden="true">
      ${spans.map((span, index) => html`<path class="span-${span}" d="M${4 + index * 13} 7h12" />`)}
      ${[4, 17, 30, 43].map((x) => html`<circle class="pier" cx=${x - 0.5} cy="7" r="2.2" stroke-width="1.5" />`)}
    </svg>
    <span class="link-label">${text}</span>
  </div>`;
}

function Banner() {
  if (obstacle.value) return Message({ heading: "No live values get through.", text: obstacle.value, bad: true });
  if (status.value === "reconnecting") return now.value - lostAt.value < PATIENCE_MS ? null : Lost();
  if (status.value === "closed") return Closed();
  const fault = status.value === "live" && link.value ? faultOf(link.value) : null;
  if (!fault || !link.value) return null;
  return Message({ heading: `${fault.heading}, since ${formatTime(link.value.since)}.`, text: fault.text });
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
