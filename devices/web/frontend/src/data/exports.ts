/** Readings and events as a file: the server gives it page by page, so a page that fails is asked for once more. */

import { page } from "../document/page";
import { refusedBy, unanswered } from "./failures";

export type ExportFormat = "csv" | "ndjson" | "parquet";

export interface ExportQuery {
  kind: "readings" | "events";
  format: ExportFormat;
  /** none: all that the user may see, as for the next two */
  device: readonly string[];
  site: readonly string[];
  metric: readonly string[];
  /** Unix ms; null: from the beginning */
  since: number | null;
}

const LIMIT_MS = 120_000; // a page of Parquet is the whole file
const AGAIN_MS = 1_000;
const TRIES = 8;
const BUSY = 429;

/**
 * @param onProgress  told how much there is, from 0 to 1, and how many bytes
 * @param signal  whoever asked wants it no more
 * @throws {Error} its message says what is wrong
 */
export async function fetchExport(
  { kind, format, since, ...several }: ExportQuery,
  onProgress: (share: number, bytes: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  let url: URL | null = new URL(`${page.api}export`, location.href);
  url.searchParams.set("format", format);
  url.searchParams.set("kind", kind);
  if (since !== null) url.searchParams.set("since", String(Math.round(since)));
  for (const [name, values] of Object.entries(several)) for (const value of values) url.searchParams.append(name, value);
  const parts: Blob[] = [];
  for (let bytes = 0; url; ) {
    const answer = await fetchPage(url, signal);
    const part = await answer.blob();
    parts.push(part);
    bytes += part.size;
    onProgress(Number(answer.headers.get("Causeway-Progress") ?? 1), bytes);
    const next: string | undefined = /<([^>]*)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];
    url = next ? new URL(next, location.href) : null;
  }
  return new Blob(parts, { type: parts[0]?.type ?? "" });
}

/** Once more after a moment, where others are at it or nothing was answered. */
async function fetchPage(url: URL, signal: AbortSignal): Promise<Response> {
  for (let left = TRIES; ; left -= 1) {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    const answer = await fetch(url, { signal: limited }).catch((error: Error) => {
      if (signal.aborted || left <= 1) throw new Error(unanswered(error));
      return null;
    });
    if (answer?.ok) return answer;
    if (answer && (answer.status !== BUSY || left <= 1)) {
      const problem = await answer.json().catch(() => ({}));
      throw new Error(refusedBy(answer.status, problem.detail ?? ""));
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
    signal.throwIfAborted();
  }
}

/** Have the browser keep a file. */
export function keepFile(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LIMIT_MS);
}
