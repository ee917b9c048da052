/** The table of devices: rows by windowing, one tab stop, arrow keys between rows. */

import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Metric } from "#client/types.js";
import { briefOf, withUnit } from "../lib/brief.js";
import type { Shown } from "../lib/brief.js";
import { Decimals, formatTime } from "../lib/format.js";
import { deviceUrl } from "../document/page";
import { ageOf } from "../ui/age";
import { Icon } from "../ui/icons";
import { Glyph, PresenceText, nameOfStatus } from "../ui/presence";
import { t } from "../words/words.js";
import { useFleet } from "./store";
import type { Entry } from "./store";
import { Trend } from "./trend";
import { useMedia, useWindow } from "./window";

/** What the rows of one table share. */
class Rows {
  /** The row that Tab leads to. */
  readonly active: Signal<string> = signal("");
  readonly decimals = new Decimals();
  focusWanted = false;
}

export function Table() {
  const fleet = useFleet();
  const [shared] = useState(() => new Rows());
  const narrow = useMedia("(max-width: 860px)");
  const narrowest = useMedia("(max-width: 520px)"); // as in fleet.css
  const height = narrowest ? 88 : narrow ? 64 : 40;
  const holder = useRef<HTMLDivElement>(null);
  const all = fleet.rows.value;
  const [first, last] = useWindow(holder, all.length, height);
  const found = all.findIndex(({ key }) => key === shared.active.value);
  const at = Math.max(0, found);
  const move = (event: KeyboardEvent) => moveBy(event, at, height, holder.current, all, shared);
  return (
    <div
      class="fleet"
      role="table"
      aria-label={t("fleet.devices")}
      aria-rowcount={all.length + 1}
      style={{ "--metrics": fleet.width.value }}
    >
      <Head />
      <div
        class="fleet-body live"
        role="rowgroup"
        ref={holder}
        style={{ height: `${all.length * height}px` }}
        onKeyDown={move}
      >
        {all.slice(first, last).map((entry, index) => (
          <Row
            key={entry.key}
            entry={entry}
            index={first + index}
            top={(first + index) * height}
            tab={first + index === at}
            narrow={narrow}
            shared={shared}
          />
        ))}
      </div>
    </div>
  );
}

function Head() {
  const { columns, labels, width } = useFleet();
  const labelOf = (name: string) => labels.value.get(name) ?? name;
  const names = columns.value;
  return (
    <div class="fleet-head" role="rowgroup">
      <div class="fleet-row" role="row" aria-rowindex={1}>
        <Sorter by="device" label={t("fleet.device")} />
        <Sorter by="status" label={t("fleet.status")} />
        {names.map((name) => (
          <Sorter key={name} by={`metric:${name}`} label={labelOf(name)} name={name} number />
        ))}
        {names.length === 0 && (
          <span class="cell own-head" role="columnheader" aria-colspan={width.value}>
            {t("fleet.values")}
          </span>
        )}
        <span class="cell trend-cell" role="columnheader">
          {names[0] ? t("fleet.trend.of", { metric: labelOf(names[0]) }) : t("fleet.trend")}
        </span>
        <Sorter by="updated" label={t("fleet.updated")} number />
      </div>
    </div>
  );
}

interface SorterProps {
  by: string;
  label: string;
  /** what else it is called */
  name?: string;
  number?: boolean;
}

function Sorter({ by, label, name = label, number = false }: SorterProps) {
  const fleet = useFleet();
  const { sort, descending } = fleet.wanted.value;
  const on = sort === by;
  const ordered = on ? (descending ? "descending" : "ascending") : "none";
  const click = () => fleet.want({ sort: by, descending: on ? !descending : by === "updated" });
  return (
    <span class={`cell ${number ? "num" : ""}`} role="columnheader" aria-sort={ordered}>
      <button class="sorter clip" title={name === label ? label : `${label}\n${name}`} onClick={click}>
        {label}
        {on && <Icon name={descending ? "down" : "up"} />}
      </button>
    </span>
  );
}

interface RowProps {
  entry: Entry;
  index: number;
  top: number;
  tab: boolean;
  narrow: boolean;
  shared: Rows;
}

function Row({ entry, index, top, tab, narrow, shared }: RowProps) {
  entry.version.value;
  const fleet = useFleet();
  const { key, site, name, state } = entry;
  const brief = briefOf(state);
  const metrics = fleet.shownMetrics(entry);
  const missing = [...Array(narrow ? 0 : Math.max(0, fleet.width.value - metrics.length)).keys()];
  const anchor = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (!tab || !shared.focusWanted) return;
    shared.focusWanted = false;
    anchor.current?.focus({ preventScroll: true });
  });
  return (
    <div
      class={`fleet-row ${state.presence.status}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span class="cell name" role="cell">
        <Glyph status={state.presence.status} />
        {narrow && <span class="hidden-text">{nameOfStatus(state.presence.status)}</span>}
        <a
          class="clip"
          ref={anchor}
          href={deviceUrl(key)}
          tabIndex={tab ? 0 : -1}
          onFocus={() => (shared.active.value = key)}
        >
          {brief.name ? (
            <>
              <bdi>{brief.name}</bdi> <span class="site">{key}</span>
            </>
          ) : (
            <>
              <span class="site">{site}/</span>
              {name}
            </>
          )}
        </a>
        {state.tags.slice(0, 2).map((tag) => (
          <span key={tag} class="chip">
            {tag}
          </span>
        ))}
        {state.tags.length > 2 && (
          <span class="chip" title={state.tags.join(", ")}>
            +{state.tags.length - 2}
          </span>
        )}
      </span>
      <span class="cell status" role="cell">
        <PresenceText presence={state.presence} />
      </span>
      {metrics.slice(0, narrow ? 2 : fleet.width.value).map((metric) => (
        <Value key={metric} name={metric} metric={state.metrics[metric]} shown={brief.properties.get(metric)} decimals={shared.decimals} />
      ))}
      {missing.map((nth) => (
        <span key={nth} class="cell own" role="cell" />
      ))}
      <span class="cell trend-cell" role="cell">
        <Trend entry={entry} />
      </span>
      <span
        class="cell num updated faint"
        role="cell"
        title={entry.updated ? formatTime(entry.updated) : ""}
      >
        {entry.updated ? ageOf(entry.updated) : "–"}
      </span>
    </div>
  );
}

interface ValueProps {
  name: string;
  metric: Metric | undefined;
  /** what the device says of it */
  shown: Shown | undefined;
  decimals: Decimals;
}

function Value({ name, metric, shown, decimals }: ValueProps) {
  const own = useFleet().columns.value.length === 0;
  const text = withUnit(decimals.format(name, metric?.value), metric?.value, shown?.unit ?? "");
  const label = shown?.label || name;
  return (
    <span class={`cell value ${own ? "own" : "num"} ${metric ? "" : "faint"}`} role="cell">
      <span class="value-name clip" title={label === name ? name : `${label}\n${name}`}>
        {label}
      </span>
      <span class="value-text" title={text}>
        {text}
      </span>
    </span>
  );
}

function moveBy(
  event: KeyboardEvent,
  at: number,
  height: number,
  body: HTMLElement | null,
  all: Entry[],
  shared: Rows,
) {
  const page = Math.max(1, Math.floor(innerHeight / height) - 6);
  const steps: { [key: string]: number } = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -Infinity,
    End: Infinity,
  };
  const step = steps[event.key];
  if (step === undefined || all.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const index = Math.min(all.length - 1, Math.max(0, at + step));
  shared.focusWanted = true;
  shared.active.value = all[index]?.key ?? "";
  reveal(index, height, body);
}

/** Scroll a row into sight, clear of what sticks to the top. */
function reveal(index: number, height: number, body: HTMLElement | null) {
  const top = (body?.getBoundingClientRect().top ?? 0) + index * height;
  const sticking = (document.getElementById("top")?.offsetHeight ?? 0) + 36;
  const [from, to] = [sticking, innerHeight - height - 12];
  if (index === 0) scrollTo({ top: 0 });
  else if (top < from) scrollBy({ top: top - from });
  else if (top > to) scrollBy({ top: top - to });
}
