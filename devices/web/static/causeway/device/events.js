/** What happened at the device since the page was opened, newest first. */

import { formatJson, formatTime, formatTimeMs } from "../lib/format.js";
import { html } from "../ui/html.js";
import { events } from "./store.js";

/** @import {EventFrame} from "../client/types.js" */

export function EventsPanel() {
  const all = events.value;
  return html`<section class="panel events" aria-labelledby="events-title">
    <div class="panel-head">
      <h2 id="events-title">Events</h2>${all.length > 0 && html`<span class="chip">${all.length}</span>`}
    </div>
    ${
      all.length === 0
        ? html`<p class="blank">None since this page was opened.</p>`
        : html`<ol class="scroll event-list live">
          ${all.map((event) => html`<${One} key=${event.rev} event=${event} />`)}
        </ol>`
    }
  </section>`;
}

/** @param {{event: EventFrame}} props */
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
