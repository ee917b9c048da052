/** What happened at the device, newest first. */

import { formatJson, formatTime, formatTimeMs } from "../lib/format.js";
import { html } from "../ui/html.js";
import { events, eventsPast } from "./store.js";

/** @import {EventRow} from "../client/types.js" */

export function EventsPanel() {
  const all = events.value;
  return html`<section class="panel events" aria-labelledby="events-title">
    <div class="panel-head">
      <h2 id="events-title">Events</h2>${all.length > 0 && html`<span class="chip">${all.length}</span>`}
    </div>
    ${
      all.length === 0
        ? html`<${Nothing} />`
        : html`<ol class="scroll event-list live">
          ${all.map((event) => html`<${One} key=${event.rev} event=${event} />`)}
        </ol>`
    }
  </section>`;
}

function Nothing() {
  if (eventsPast.value.error)
    return html`<p class="blank error-text">Earlier events are missing: ${eventsPast.value.error}</p>`;
  return html`<p class="blank" aria-busy=${!eventsPast.value.known}>${eventsPast.value.known ? "None yet." : "…"}</p>`;
}

/** @param {{event: EventRow}} props */
function One({ event }) {
  const { name, data, ts } = event;
  return html`<li class="event flash">
    <div class="command-head">
      <strong class="mono">${name}</strong><span class="grow" />
      <time class="faint" title=${formatTimeMs(ts)}>${formatTime(ts)}</time>
    </div>
    ${data !== null && html`<code class="muted">${formatJson(data)}</code>`}
  </li>`;
}
