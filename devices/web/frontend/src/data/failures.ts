/** What failed, in words that say what to do about it. */

import { RequestError } from "#client/requests.js";
import { isKey, t } from "../words/words.js";

/** What an error says to people. */
export function messageOf(error: unknown): string {
  if (error instanceof RequestError) return refused(error);
  return error instanceof Error ? error.message : String(error);
}

/** Of a request over the WebSocket: what became of it, where its message doesn't say so, and what to do. */
function refused({ code, message }: RequestError): string {
  const [whole, advice] = [`failure.${code}`, `failure.${code}.then`];
  if (isKey(whole)) return t(whole as "failure.timeout");
  return isKey(advice) ? advised(message, t(advice as "failure.forbidden.then")) : message;
}

/**
 * Of a request that the REST API refused.
 *
 * @param said  the server's words; "": it said none
 */
export function refusedBy(status: number, said: string): string {
  const code = status >= 502 && status <= 504 ? "away" : String(status);
  const advice = `rest.${code}`;
  const what = said || t("rest.status", { status: String(status) });
  return isKey(advice) ? advised(what, t(advice as "rest.403")) : what;
}

/** Of a request that was never answered. */
export function unanswered(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return name === "TimeoutError" || name === "AbortError" ? t("failure.late") : t("failure.unreachable");
}

function advised(what: string, advice: string) {
  return `${what}${/[.!?:]$/.test(what) ? "" : "."} ${advice}`;
}
