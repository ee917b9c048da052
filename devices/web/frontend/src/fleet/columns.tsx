/** Which metrics the table has as columns: the commonest are offered, any is found. */

import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";

import { Icon } from "../ui/icons";
import { t } from "../words/words.js";
import { MOST_COLUMNS, useFleet } from "./store";

export function Columns() {
  const fleet = useFleet();
  const [open, setOpen] = useState(false);
  if (fleet.metrics.value.length < 2) return null;
  return (
    <details
      class="menu columns"
      onToggle={(event: TargetedEvent<HTMLDetailsElement>) => setOpen(event.currentTarget.open)}
    >
      <summary class="button" aria-label={t("fleet.columns")}>
        <Icon name="columns" />
        <span>{t("fleet.columns")}</span>
      </summary>
      {open && <Choices />}
    </details>
  );
}

function Choices() {
  const fleet = useFleet();
  const [query, setQuery] = useState("");
  const chosen = fleet.columns.value;
  const { names, more } = fleet.offered(query);
  const note = chosen.length === 0 ? "fleet.columns.own" : "fleet.columns.chosen";
  const shown = query.trim() ? names : [...chosen, ...names.filter((name) => !chosen.includes(name))];
  return (
    <div class="menu-panel" onKeyDown={keyed}>
      <p class="menu-note">{t(note, { most: MOST_COLUMNS })}</p>
      <input
        class="field"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder={t("fleet.columns.search")}
        aria-label={t("fleet.columns.search")}
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      {shown.map((name) => (
        <Column key={name} name={name} full={chosen.length >= MOST_COLUMNS} />
      ))}
      {shown.length === 0 && <p class="menu-note">{t("fleet.columns.nothing")}</p>}
      {more > 0 && <p class="menu-note">{t("fleet.columns.more", { count: more })}</p>}
      {fleet.isChosen.value && (
        <>
          <hr />
          <button class="item" onClick={() => fleet.unchoose()}>
            {t("fleet.columns.auto")}
          </button>
        </>
      )}
    </div>
  );
}

function Column({ name, full }: { name: string; full: boolean }) {
  const fleet = useFleet();
  const label = fleet.labels.value.get(name);
  const on = fleet.columns.value.includes(name);
  const only = on && fleet.columns.value.length === 1;
  const change = (event: TargetedEvent<HTMLInputElement>) => fleet.chooseColumn(name, event.currentTarget.checked);
  return (
    <label>
      <input type="checkbox" checked={on} disabled={only || (full && !on)} onChange={change} />
      <span class="clip">
        {label ?? name}
        {label && label !== name && <span class="faint"> {name}</span>}
      </span>
    </label>
  );
}

/** ↓ and ↑ lead from the search through the boxes and back; Enter in the search takes the first. */
function keyed(event: TargetedEvent<HTMLDivElement, KeyboardEvent>) {
  if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const stops = [...event.currentTarget.querySelectorAll<HTMLInputElement>("input:not(:disabled)")];
  const at = stops.indexOf(event.target as HTMLInputElement);
  if (at < 0 || (event.key === "Enter" && at > 0)) return;
  event.preventDefault();
  if (event.key === "Enter") stops[1]?.click();
  else stops[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
}
