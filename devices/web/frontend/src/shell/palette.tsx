/** Ctrl-K: to any device, page and command, without the mouse. */

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";

import { findDevices } from "../data/rest";
import { deviceUrl, page } from "../document/page";
import { Dialog } from "../kit/dialog";
import { briefOf } from "../lib/brief.js";
import { entriesFor, wordsOf } from "../lib/palette.js";
import type { DeviceFound, Entry } from "../lib/palette.js";
import { t } from "../words/words.js";

const PAUSE_MS = 120; // after a key, until the server is asked
const ASKED = 20; // devices

/** The pages that need no parameters. */
const pages = () =>
  page.pages
    .filter(({ path }) => !path.includes(":"))
    .map(({ title, path }) => ({ title, href: path }));

export function Palette({ onClose }: { onClose: () => void }) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const devices = useDevices(wordsOf(query)[0] ?? "");
  const entries = useMemo(() => entriesFor(query, pages(), devices), [query, devices]);
  const [id, list] = [useId(), useRef<HTMLUListElement>(null)];
  const current = Math.min(active, entries.length - 1);
  useEffect(() => list.current?.children[current]?.scrollIntoView({ block: "nearest" }), [current]);
  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    goTo(entry.href);
  };
  const keyed = (event: KeyboardEvent) => {
    const to = { ArrowDown: current + 1, ArrowUp: current - 1 }[event.key];
    if (event.key === "Enter") choose(entries[current]);
    else if (to !== undefined) setActive((to + entries.length) % Math.max(1, entries.length));
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("palette.title")} name="palette" onClose={onClose}>
      <input
        class="field"
        type="text"
        role="combobox"
        autofocus
        autocomplete="off"
        spellcheck={false}
        aria-label={t("palette.title")}
        aria-expanded={entries.length > 0}
        aria-controls={id}
        aria-activedescendant={entries.length > 0 ? `${id}-${current}` : undefined}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={keyed}
      />
      <p class="hidden-text" role="status">
        {entries.length > 0 ? t("palette.found", { count: entries.length }) : t("palette.nothing")}
      </p>
      {entries.length === 0 && <p class="blank">{t("palette.nothing")}</p>}
      <ul ref={list} id={id} role="listbox" aria-label={t("palette.title")} hidden={entries.length === 0}>
        {entries.map((entry, index) => (
          <li
            key={entry.href}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === current}
            onClick={() => choose(entry)}
          >
            <span class="palette-label">{entry.label}</span>
            <span class="muted">
              {entry.detail} {t(`palette.${entry.kind}`)}
            </span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

/** What the server finds by a part of the key or of the name, a moment after the last key. */
function useDevices(word: string): DeviceFound[] {
  const [devices, setDevices] = useState<DeviceFound[]>([]);
  useEffect(() => {
    if (!word) return setDevices([]);
    let isWanted = true;
    const timer = setTimeout(async () => {
      const found = await findDevices(word, ASKED).catch(() => ({ items: [] })); // then only pages are found
      const items = found.items.map(({ device, reported, description }) => {
        const name = description ? briefOf({ description }).name : "";
        return { device, name, href: deviceUrl(device), reported, ...(description && { description }) };
      });
      if (isWanted) setDevices(items);
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [word]);
  return devices;
}

/** As if a link were clicked: within this document if the router takes it. */
function goTo(href: string) {
  const link = document.createElement("a");
  link.href = href;
  document.body.append(link);
  link.click();
  link.remove();
}
