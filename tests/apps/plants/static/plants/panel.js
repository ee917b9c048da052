/** Beside each device: how warm its leaves are, live. */

import { registerPanel } from "../causeway/register.js";
import { html } from "../causeway/ui/html.js";
import { Water } from "./plant.js";

function Leaves({ device }) {
  const warmth = device.state.value?.metrics.leaf?.value;
  if (warmth > 100) throw new RangeError(`no leaf is ${warmth} degrees warm`);
  return html`<p class="leaves">${warmth === undefined ? "No leaves." : `Leaves: ${warmth} °C`} <${Water} device=${device.key} /></p>`;
}

registerPanel("leaves", { component: Leaves });
