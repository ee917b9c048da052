/** A word or a number in a coloured box. Its colour repeats what the word says. */

import type { ComponentChildren } from "preact";

export type Tone = "plain" | "ok" | "warn" | "bad" | "accent";

interface BadgeProps {
  tone?: Tone;
  title?: string;
  /** whether a change of it is read out */
  live?: boolean;
  children: ComponentChildren;
}

export function Badge({ tone = "plain", title, live = false, children }: BadgeProps) {
  return (
    <span class={tone === "plain" ? "chip" : `chip ${tone}`} title={title} role={live ? "status" : undefined}>
      {children}
    </span>
  );
}
