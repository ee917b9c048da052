/** What stands where content would be: nothing there, not there yet, or not to be had. They are never mistaken for each other. */

import type { ComponentChildren } from "preact";

import { t } from "../words/words.js";

/** It is known that there is nothing; the text says of what, and perhaps what to do. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="blank">{children}</div>;
}

/** It is asked for. */
export function Loading() {
  return (
    <p class="blank" aria-busy="true">
      {t("kit.loading")}
    </p>
  );
}

interface NotLoadedProps {
  /** in words, of the server's */
  why: string;
  onRetry?: () => void;
}

/** It was asked for, and did not come. */
export function NotLoaded({ why, onRetry }: NotLoadedProps) {
  return (
    <div class="blank" role="alert">
      <p class="error-text">{t("kit.not_loaded", { why })}</p>
      {onRetry && (
        <button class="button" type="button" onClick={onRetry}>
          {t("kit.retry")}
        </button>
      )}
    </div>
  );
}
