/**
 * A table of any length: only the rows that can be seen exist. It sorts, selects, and is used by keyboard: arrows go
 * through the rows, Enter opens one, the space bar selects it. Whoever has the rows does the sorting.
 */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { t } from "../words/words.js";
import { useVisibleRows } from "./window";

export interface Column<Row> {
  name: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** right-aligned */
  numeric?: boolean;
  sortable?: boolean;
}

export interface Order {
  column: string;
  descending: boolean;
}

interface TableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** all rows are as high */
  height_px?: number;
  order?: Order;
  onOrder?: (order: Order) => void;
  /** the keys of the rows that are selected */
  selected?: ReadonlySet<string>;
  onSelect?: (selected: ReadonlySet<string>) => void;
  onOpen?: (row: Row) => void;
}

export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, keyOf, height_px = 36, selected, onSelect } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [first, last] = useVisibleRows(body, rows.length, height_px);
  const [active, setActive] = useState(0);
  const current = Math.min(active, Math.max(0, rows.length - 1));
  const goTo = useFocusOf(body, rows.length, height_px, setActive);
  return (
    <div class="kit-table" role="region" aria-label={label} tabIndex={-1}>
      <table aria-label={label} aria-rowcount={rows.length + 1} style={{ "--row-height": `${height_px}px` }}>
        <thead>
          <tr aria-rowindex={1}>
            {onSelect && <SelectAll {...props} onSelect={onSelect} />}
            {columns.map((column) => (
              <Head key={column.name} column={column} {...props} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={(event) => keyed(event, props, current, goTo)}>
          <Spacer rows={first} height_px={height_px} />
          {rows.slice(first, last).map((row, offset) => {
            const [index, key] = [first + offset, keyOf(row)];
            return (
              <tr
                key={key}
                aria-rowindex={index + 2}
                aria-selected={selected ? selected.has(key) : undefined}
                class={selected?.has(key) ? "selected" : ""}
                tabIndex={index === current ? 0 : -1}
                onFocus={() => setActive(index)}
                onDblClick={() => props.onOpen?.(row)}
              >
                {onSelect && <Select name={key} on={selected?.has(key) ?? false} onToggle={() => toggle(props, key)} />}
                {columns.map(({ name, cell, numeric }) => (
                  <td key={name} class={numeric ? "num" : ""}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Spacer rows={rows.length - last} height_px={height_px} />
        </tbody>
      </table>
    </div>
  );
}

function Spacer({ rows, height_px }: { rows: number; height_px: number }) {
  return rows > 0 ? <tr aria-hidden="true" class="spacer" style={{ height: `${rows * height_px}px` }} /> : null;
}

function Head<Row>({ column, order, onOrder }: { column: Column<Row> } & TableProps<Row>) {
  const { name, title, numeric = false, sortable = false } = column;
  const isOrder = order?.column === name;
  const descending = isOrder && order.descending;
  if (!sortable || !onOrder)
    return (
      <th scope="col" class={numeric ? "num" : ""}>
        {title}
      </th>
    );
  const sort = isOrder ? (descending ? "descending" : "ascending") : "none";
  return (
    <th scope="col" class={numeric ? "num" : ""} aria-sort={sort}>
      <button
        class="kit-sort"
        type="button"
        title={t("kit.sort", { name: title })}
        onClick={() => onOrder({ column: name, descending: isOrder && !descending })}
      >
        {title} <span aria-hidden="true">{isOrder ? (descending ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}

function Select({ name, on, onToggle }: { name: string; on: boolean; onToggle: () => void }) {
  return (
    <td class="kit-select">
      <input type="checkbox" tabIndex={-1} checked={on} aria-label={t("kit.select", { name })} onInput={onToggle} />
    </td>
  );
}

type Selecting<Row> = TableProps<Row> & { onSelect: (selected: ReadonlySet<string>) => void };

function SelectAll<Row>({ rows, keyOf, selected = new Set(), onSelect }: Selecting<Row>) {
  const all = rows.length > 0 && rows.every((row) => selected.has(keyOf(row)));
  return (
    <th scope="col" class="kit-select">
      <input
        type="checkbox"
        checked={all}
        aria-label={t("kit.select.all")}
        onInput={() => onSelect(all ? new Set() : new Set(rows.map(keyOf)))}
      />
    </th>
  );
}

function toggle<Row>({ selected = new Set(), onSelect }: TableProps<Row>, key: string) {
  const changed = new Set(selected);
  if (!changed.delete(key)) changed.add(key);
  onSelect?.(changed);
}

/** @param goTo  gives a row the focus */
function keyed<Row>(event: KeyboardEvent, props: TableProps<Row>, current: number, goTo: (index: number) => void) {
  const { rows, keyOf, onOpen, onSelect } = props;
  const row = rows[current];
  const to = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to !== undefined) goTo(Math.max(0, Math.min(rows.length - 1, to)));
  else if (event.key === "Enter" && row !== undefined && onOpen && isRow(event.target)) onOpen(row);
  else if (event.key === " " && row !== undefined && onSelect && isRow(event.target)) toggle(props, keyOf(row));
  else return;
  event.preventDefault();
}

/** Not a link or a button in it, which have keys of their own. */
function isRow(target: EventTarget | null) {
  return target instanceof HTMLTableRowElement;
}

/** Gives a row the focus, scrolled to where it exists. */
function useFocusOf(
  body: { current: HTMLTableSectionElement | null },
  count: number,
  height_px: number,
  setActive: (index: number) => void,
) {
  const [wanted, setWanted] = useState<number | null>(null);
  useLayoutEffect(() => {
    if (wanted === null) return;
    const row = body.current?.querySelector<HTMLElement>(`[aria-rowindex="${wanted + 2}"]`);
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
    if (row) setWanted(null);
  });
  return (index: number) => {
    if (count === 0) return;
    const top = (body.current?.getBoundingClientRect().top ?? 0) + index * height_px;
    if (top < 0 || top > innerHeight) scrollBy({ top: top - innerHeight / 2 });
    setActive(index);
    setWanted(index);
  };
}
