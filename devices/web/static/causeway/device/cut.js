/** A command's arguments or result: as JSON, or, where the server cut what is large, a link to the whole. */

import { cutOf, formatBytes, formatJson } from "../lib/format.js";
import { page } from "../page.js";
import { html } from "../ui/html.js";

/** @import {Json} from "../client/types.js" */

/** @param {{name: string, value: Json, look?: string}} props  look: classes of the JSON */
export function Whole({ name, value, look = "" }) {
  const cut = cutOf(value);
  if (!cut) return html`<code class=${look} title=${look && formatJson(value)}>${formatJson(value)}</code>`;
  const text = `Whole ${name}, ${formatBytes(cut.bytes)}`;
  return html`<a href=${page.base + cut.href} target="_blank" rel="noopener">${text}</a>`;
}
