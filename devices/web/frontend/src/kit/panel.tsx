/** A part of a page with a title: a landmark that can be jumped to. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface PanelProps {
  title: string;
  /** for style sheets */
  name?: string;
  /** beside the title: badges, fields, buttons */
  head?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ title, name = "", head, children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {head}
      </div>
      {children}
    </section>
  );
}
