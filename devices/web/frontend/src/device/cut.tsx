/** A command's arguments or result: as JSON, or, where the server cut what is large, a link to the whole. */

import type { Json } from "#client/types.js";
import { cutOf, formatBytes, formatJson } from "../lib/format.js";
import { page } from "../document/page";
import { t } from "../words/words.js";

/** @param look  classes of the JSON */
export function Whole({ name, value, look = "" }: { name: "arguments" | "result"; value: Json; look?: string }) {
  const cut = cutOf(value);
  if (!cut)
    return (
      <code class={look} title={look && formatJson(value)}>
        {formatJson(value)}
      </code>
    );
  return (
    <a href={page.base + cut.href} target="_blank" rel="noopener">
      {t(`device.whole.${name}`, { size: formatBytes(cut.bytes) })}
    </a>
  );
}
