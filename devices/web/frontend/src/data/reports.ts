/** What goes wrong in a page stands in the server's log, too; not more often than somebody can read. */

import { reportError } from "./rest";
import { page } from "../document/page";

const MOST = 5; // in any five minutes, of the server's ten
const PERIOD_MS = 300_000;

const told: { at: number; text: string }[] = [];

/** Tell the server of an error, unless it was told of the same one, or of many, a short while ago. */
export function report(error: unknown, panel = ""): void {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const text = `${panel}\n${message}`;
  const now = performance.now();
  while (told[0] && told[0].at < now - PERIOD_MS) told.shift();
  if (told.length >= MOST || told.some((one) => one.text === text)) return;
  told.push({ at: now, text });
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const version = String(page["version"] ?? "");
  reportError({ message, stack, page: location.pathname, panel, version }).catch(() => {}); // the server may be away
}
