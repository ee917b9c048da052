/** Tabs: arrows go from one to the next, and show it. */

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

interface Tab {
  name: string;
  label: string;
  content: () => ComponentChildren;
}

interface TabsProps {
  label: string;
  tabs: readonly Tab[];
  /** the name of the one that is shown */
  shown: string;
  onShow: (name: string) => void;
}

export function Tabs({ label, tabs, shown, onShow }: TabsProps) {
  const [id, list] = [useId(), useRef<HTMLDivElement>(null)];
  const current = Math.max(0, tabs.findIndex(({ name }) => name === shown));
  const keyed = (event: KeyboardEvent) => {
    const to = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    onShow(tabs[next]?.name ?? "");
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="kit-tabs">
      <div class="segments" role="tablist" aria-label={label} ref={list} onKeyDown={keyed}>
        {tabs.map((tab, index) => (
          <button
            key={tab.name}
            class="segment"
            type="button"
            role="tab"
            id={`${id}-${tab.name}`}
            aria-selected={index === current}
            aria-controls={`${id}-panel`}
            tabIndex={index === current ? 0 : -1}
            onClick={() => onShow(tab.name)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tabs[current]?.name}`} tabIndex={0}>
        {tabs[current]?.content()}
      </div>
    </div>
  );
}
