/** Quarantine: messages of known devices with wrong content; after a fix they can be carried out again. */

import { formatTime } from "../lib/format.js";
import { deviceUrl, may } from "../page.js";
import { html } from "../ui/html.js";
import { grouped } from "./ledger.js";
import { filter, overview, quarantined, replay, replays } from "./store.js";

/** @import {QuarantinedMessage} from "../client/types.js" */

const SHOWN_CHARS = 160;

export function QuarantinePanel() {
  const count = overview.value?.quarantine ?? 0;
  const found = quarantined.value;
  return html`<section class="panel quarantine" aria-labelledby="quarantine-title">
    <div class="panel-head"><h2 id="quarantine-title">Quarantine</h2>
      <span class="chip">${grouped(count)} kept</span>
      ${filter.device && html`<span>of <code>${filter.device}</code> <a href=${location.pathname}>show all</a></span>`}</div>
    ${
      found === null
        ? html`<p class="blank" aria-busy="true">…</p>`
        : found.length === 0
        ? html`<p class="blank">${filter.device ? `Nothing of ${filter.device}.` : "Empty: every known device sends what can be understood."}</p>`
        : html`<div class="scroll"><table class="ops-table">
            <thead><tr><th>Received</th><th>Topic</th><th>Reason</th><th>Payload</th><th><span class="hidden-text">Replay</span></th></tr></thead>
            <tbody>${found.map((one) => html`<${Row} key=${one.id} message=${one} />`)}</tbody>
          </table></div>`
    }
  </section>`;
}

/** @param {{message: QuarantinedMessage}} props */
function Row({ message }) {
  const { id, device, topic, reason, detail, received_at, payload, encoding, truncated, payload_bytes } = message;
  return html`<tr>
    <td class="when">${formatTime(Date.parse(received_at))}</td>
    <td><a class="mono" href=${deviceUrl(device)}>${topic}</a></td>
    <td><code>${reason}</code>${detail && html`<br /><span class="faint">${detail}</span>`}</td>
    <td><code class="payload" title=${`${grouped(payload_bytes)} bytes, shown as ${encoding}`}>
      ${payload.slice(0, SHOWN_CHARS)}${payload.length > SHOWN_CHARS && "…"}</code></td>
    <td class="num">${
      replays.value[id]
        ? html`<span class="muted" role="status">${replays.value[id]}</span>`
        : html`<${Replay} id=${id} device=${device} truncated=${truncated} />`
    }</td>
  </tr>`;
}

/** @param {{id: number, device: string, truncated: boolean}} props */
function Replay({ id, device, truncated }) {
  if (truncated) return html`<span class="faint" title="Only its beginning was kept">too large</span>`;
  if (!may("quarantine.replay", device.split("/")[0])) return null;
  return html`<button class="button small" onClick=${() => replay(id)}
    title="Carry it out again, with its original time">Replay</button>`;
}
