/** What a broken part shows in its place, while all others go on: a message, a way to try again; and the server's log hears of it. */

import { Component } from "preact";
import type { ComponentChildren } from "preact";

import { report } from "../data/reports";
import { t } from "../words/words.js";

interface BoundaryProps {
  /** in words: "State", "the page" */
  name: string;
  children: ComponentChildren;
}

interface BoundaryState {
  error: unknown;
  attempt: number;
}

export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { error: null, attempt: 0 };

  static override getDerivedStateFromError(error: unknown): Partial<BoundaryState> {
    return { error: error ?? new Error("nothing was said") };
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
    report(error, this.props.name);
  }

  override render({ name, children }: BoundaryProps, { error, attempt }: BoundaryState) {
    if (error === null) return <Attempt key={attempt}>{children}</Attempt>;
    return <Broken name={name} error={error} onAgain={() => this.setState({ error: null, attempt: attempt + 1 })} />;
  }
}

/** With another key it is made anew, and all within. */
function Attempt({ children }: { children: ComponentChildren }) {
  return <>{children}</>;
}

/** @param onAgain  what to do when somebody asks for it */
export function Broken({ name, error, onAgain }: { name: string; error: unknown; onAgain: () => void }) {
  return (
    <section class="panel broken" role="alert" aria-label={t("broken.label", { name })}>
      <div class="panel-head">
        <h2>{name}</h2>
      </div>
      <div class="blank">
        <p>{t("broken.text")}</p>
        <p>
          <code>{error instanceof Error ? error.message : String(error)}</code>
        </p>
        <button class="button" onClick={onAgain}>
          {t("broken.again")}
        </button>
      </div>
    </section>
  );
}
