/** The device page. */

import { formatTime, formatWhy } from "../lib/format.js";
import { page } from "../page.js";
import { show } from "../ui/frame.js";
import { html } from "../ui/html.js";
import { Glyph, NAMES } from "../ui/presence.js";
import { formatSpan } from "../lib/format.js";
import { now } from "../live.js";
import { Charts, Ranges } from "./charts.js";
import { CommandsPanel } from "./commands.js";
import { EventsPanel } from "./events.js";
import { Metrics } from "./metrics.js";
import { RefusedPanel, isNotUnderstood } from "./refused.js";
import { StatePanel } from "./state.js";
import { gone, key, start, state } from "./store.js";

const [site = "", name = ""] = key.split("/");

function Device() {
  if (gone.value) return html`<${Gone} />`;
  return html`<${Head} />
    <div class=${`device ${state.value ? "" : "waiting"}`} aria-busy=${!state.value}>
      <section class="panel telemetry" aria-labelledby="telemetry-title">
        <div class="panel-head"><h2 id="telemetry-title">Telemetry</h2><${Ranges} /></div>
        ${state.value && html`<div class="telemetry-body"><${Charts} /><${Metrics} /></div>`}
      </section>
      <${StatePanel} /><${CommandsPanel} /><${EventsPanel} /><${RefusedPanel} />
    </div>`;
}

function Head() {
  const twin = state.value;
  return html`<div class="device-head">
    <nav aria-label="Where this is">
      <a href=${`${page.base}/`}>Fleet</a><span class="faint">/</span><a href=${`${page.base}/?site=${encodeURIComponent(site)}`}>${site}</a>
    </nav>
    <div class="device-title">
      <h1>${name}</h1>
      ${twin && html`<${Badge} presence=${twin.presence} />`}
      ${isNotUnderstood() && html`<a class="chip bad" href="#refused">not understood</a>`}
      ${twin?.tags.map((tag) => html`<span class="chip">${tag}</span>`)}
      <span class="grow" />
      ${twin && html`<${LastValue} twin=${twin} />`}
    </div>
  </div>`;
}

/** @param {{presence: import("../client/types.js").Presence}} props */
function Badge({ presence }) {
  const { status, since } = presence;
  const why = since ? `since ${formatTime(since)}: ${formatWhy(presence)}` : formatWhy(presence);
  return html`<span class=${`badge ${status} live`}><${Glyph} status=${status} />
    <b>${NAMES[status]}</b> <span>${since ? formatSpan(now.value - since) : ""}</span></span>
    <span class="faint badge-why">${why}</span>`;
}

/** @param {{twin: import("../client/types.js").DeviceState}} props */
function LastValue({ twin }) {
  const newest = Math.max(0, ...Object.values(twin.metrics).map(({ ts }) => ts));
  const text = newest ? `Last value ${formatSpan(now.value - newest)} ago` : "No values yet";
  return html`<span class="faint" title=${`rev ${twin.rev}`}>${text}</span>`;
}

function Gone() {
  return html`<div class="blank">
    <p>${key} does not exist any more, or you may not see it any more.</p>
    <a class="button" href=${`${page.base}/`}>Back to the fleet</a>
  </div>`;
}

start();
show(html`<${Device} />`);
