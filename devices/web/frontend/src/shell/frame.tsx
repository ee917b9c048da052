/** What stands around every page: the way from the devices to here, and the banner when it is interrupted. */

import { described, faultOf, stretch } from "../lib/chain.js";
import { formatSpan, formatTime } from "../lib/format.js";
import { asOf, client, fresh, link, lostAt, now, obstacle, status } from "../data/live";
import { page } from "../document/page";
import { newer } from "../data/rest";
import { trouble } from "../data/trouble";
import { Message } from "../ui/message";
import { t } from "../words/words.js";

const PATIENCE_MS = 900; // a shorter interruption only dims the values: a banner that comes and goes moves the page

/** Three spans of a causeway: to the broker, to the database, to this page. A broken one is where the way is interrupted. */
export function LinkIndicator() {
  const here = status.value;
  const known = here === "live" ? link.value : null;
  const page = here === "live" ? "up" : here === "closed" ? "down" : "unsure";
  const spans = [stretch(known, ["gateway", "broker"]), stretch(known, ["layer", "workers", "database"]), page];
  const text = here === "live" && !fresh.value ? t(known ? "link.interrupted" : "link.connecting") : t(`link.${here}`);
  const lines = [...described(known), t("link.this_page", { state: t(`link.${here}`).toLowerCase() })];
  const tip = [...lines, ...(known?.since ? [t("link.since", { time: formatTime(known.since) })] : [])].join("\n");
  return (
    <div class="link-indicator tip-right" data-tip={tip} tabIndex={0} role="status">
      <svg viewBox="0 0 46 14" fill="none" stroke-width="2" aria-hidden="true">
        {spans.map((span, index) => (
          <path key={index} class={`span-${span}`} d={`M${4 + index * 13} 7h12`} />
        ))}
        {[4, 17, 30, 43].map((x) => (
          <circle key={x} class="pier" cx={x - 0.5} cy="7" r="2.2" stroke-width="1.5" />
        ))}
      </svg>
      <span class="link-label">{text}</span>
    </div>
  );
}

/** One at a time: the worst, for what follows from it needs no telling. */
export function Banner() {
  if (obstacle.value) return <Message heading={t("banner.obstacle")} text={obstacle.value} bad />;
  if (status.value === "reconnecting") return now.value - lostAt.value < PATIENCE_MS ? null : <Lost />;
  if (status.value === "closed") return <Closed />;
  const fault = status.value === "live" && link.value ? faultOf(link.value) : null;
  if (fault && link.value)
    return <Message heading={t("banner.fault", { fault: fault.heading, time: formatTime(link.value.since) })} text={fault.text} />;
  if (trouble.value) return <Message {...trouble.value} bad />;
  return newer.value ? <Newer /> : null;
}

/** After a deploy: what is open goes on, until somebody likes to have the new one. */
function Newer() {
  return (
    <Message heading={t("banner.newer")} text={t("banner.newer.text")}>
      <button class="button small" onClick={() => location.reload()}>
        {t("banner.newer.load")}
      </button>
    </Message>
  );
}

function Lost() {
  const wait = client.retryAt ? formatSpan(Math.max(1000, client.retryAt - now.value)) : "";
  return (
    <Message heading={wait ? t("banner.lost.again", { span: wait }) : t("banner.lost")} text={shownAsOf()}>
      <button class="button small" onClick={() => client.retryNow()}>
        {t("banner.retry")}
      </button>
    </Message>
  );
}

function Closed() {
  if (client.reason !== "unauthorized")
    return <Message heading={t("banner.no_access")} text={t("banner.no_access.text")} bad />;
  const next = encodeURIComponent(location.pathname + location.search);
  return (
    <Message heading={t("banner.ended")} text={shownAsOf()} bad>
      <a class="button small" href={`${page.base}/login?next=${next}`}>
        {t("banner.sign_in")}
      </a>
    </Message>
  );
}

function shownAsOf() {
  return asOf.value ? t("banner.as_of", { time: formatTime(asOf.value) }) : "";
}

/** Menus (details elements) close on a click elsewhere and on Escape. */
export function closeMenus(event?: Event): void {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    // By the path: what was clicked may be gone by now.
    if (!event?.composedPath().includes(menu)) menu.removeAttribute("open");
  }
}
