/** A button with a list of things to do: arrows go through it, Escape closes it and gives the focus back. */

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface MenuItem {
  label: ComponentChildren;
  /** what it does, or where it leads */
  onChoose?: () => void;
  href?: string;
  disabled?: boolean;
}

interface MenuProps {
  label: ComponentChildren;
  /** if the label is no text */
  name?: string;
  items: readonly MenuItem[];
}

export function Menu({ label, name, items }: MenuProps) {
  const [open, setOpen] = useState(false);
  const [id, holder, button] = [useId(), useRef<HTMLDivElement>(null), useRef<HTMLButtonElement>(null)];
  useLayoutEffect(() => {
    if (!open) return undefined;
    itemsIn(holder.current)[0]?.focus();
    const away = (event: Event) => holder.current?.contains(event.target as Node) || setOpen(false);
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu kit-menu" ref={holder} onKeyDown={(event) => open && keyed(event, holder.current, close)}>
      <button
        ref={button}
        class="button"
        type="button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={name}
        onClick={() => setOpen(!open)}
      >
        {label}
      </button>
      {open && (
        <div class="menu-panel" role="menu" id={id} aria-label={name ?? (typeof label === "string" ? label : undefined)}>
          {items.map((item, index) => (
            <Item key={index} item={item} onDone={close} />
          ))}
        </div>
      )}
    </div>
  );
}

function Item({ item: { label, onChoose, href, disabled = false }, onDone }: { item: MenuItem; onDone: () => void }) {
  if (href !== undefined)
    return (
      <a class="item" role="menuitem" tabIndex={-1} href={href}>
        {label}
      </a>
    );
  const choose = () => {
    onDone();
    onChoose?.();
  };
  return (
    <button class="item" type="button" role="menuitem" tabIndex={-1} aria-disabled={disabled} onClick={() => disabled || choose()}>
      {label}
    </button>
  );
}

function itemsIn(holder: HTMLElement | null): HTMLElement[] {
  return [...(holder?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
}

function keyed(event: KeyboardEvent, holder: HTMLElement | null, close: () => void) {
  const items = itemsIn(holder);
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    items[(to + items.length) % items.length]?.focus();
  } else if (event.key === "Escape" || event.key === "Tab") {
    close();
  }
}
