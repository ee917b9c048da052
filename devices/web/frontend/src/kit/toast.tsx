/** Short news at the page's lower edge: read out, gone after a while, or closed. Errors stay. */

import { signal } from "@preact/signals";

import { t } from "../words/words.js";

const SHOWN_MS = 6_000;
const MOST = 4; // the oldest gives way

interface Toast {
  id: number;
  text: string;
  tone: "plain" | "ok" | "bad";
}

/** What is to be told. One for a document; whoever tells something is handed it. */
export class Toasts {
  readonly shown = signal<readonly Toast[]>([]);
  #count = 0;

  tell(text: string, tone: Toast["tone"] = "plain"): void {
    const id = ++this.#count;
    this.shown.value = [...this.shown.value, { id, text, tone }].slice(-MOST);
    if (tone !== "bad") setTimeout(() => this.close(id), SHOWN_MS);
  }

  close(id: number): void {
    this.shown.value = this.shown.value.filter((one) => one.id !== id);
  }
}

export function ToastList({ toasts }: { toasts: Toasts }) {
  return (
    <div class="kit-toasts" role="status" aria-live="polite">
      {toasts.shown.value.map(({ id, text, tone }) => (
        <p key={id} class={`kit-toast ${tone}`}>
          <span>{text}</span>
          <button class="button bare small" type="button" aria-label={t("kit.close")} onClick={() => toasts.close(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
