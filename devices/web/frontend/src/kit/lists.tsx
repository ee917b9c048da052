/** Lists of few rows: a table with rows as high as what they hold, and lists that show more of themselves when asked. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { t } from "../words/words.js";

export interface ShortColumn<Row> {
  name: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** right-aligned */
  numeric?: boolean;
  /** the title is only read out */
  isSilent?: boolean;
  /** what its cells look like, for style sheets */
  look?: string;
}

interface ShortTableProps<Row> {
  label: string;
  columns: readonly ShortColumn<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** the column that names the row */
  heading?: string;
  /** what a row looks like, for style sheets */
  lookOf?: (row: Row) => string;
}

/** Where it is wider than its place, it scrolls sideways, by keyboard, too. */
export function ShortTable<Row>({ label, columns, rows, keyOf, heading, lookOf }: ShortTableProps<Row>) {
  return (
    <div class="short-table" tabIndex={0} role="group" aria-label={label}>
      <table class="ops-table">
        <thead>
          <tr>
            {columns.map(({ name, title, numeric, isSilent }) => (
              <th key={name} scope="col" class={`cell-${name} ${numeric ? "num" : ""}`}>
                {isSilent ? <span class="hidden-text">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} class={lookOf?.(row)}>
              {columns.map((column) => (
                <Cell key={column.name} column={column} row={row} isHeading={column.name === heading} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<Row>({ column, row, isHeading }: { column: ShortColumn<Row>; row: Row; isHeading: boolean }) {
  const { name, numeric, look, cell } = column;
  const looks = [`cell-${name}`, numeric && "num", look].filter(Boolean).join(" ");
  return isHeading ? (
    <th scope="row" class={looks}>
      {cell(row)}
    </th>
  ) : (
    <td class={looks}>{cell(row)}</td>
  );
}

interface MoreProps<Item> {
  items: readonly Item[];
  /** so many are shown unasked */
  first: number;
  /** whether one that is not among them is wanted */
  isWanted?: (item: Item) => boolean;
  children: (shown: readonly Item[]) => ComponentChildren;
}

/** The first items, and all of them when it is asked for: no scroller of its own within the page's. */
export function More<Item>({ items, first, isWanted = () => false, children }: MoreProps<Item>) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole || items.slice(first).some(isWanted) ? items : items.slice(0, first);
  return (
    <>
      {children(shown)}
      {(isWhole || shown.length < items.length) && items.length > first && (
        <p class="kit-more">
          <button class="button small" type="button" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
            {isWhole ? t("kit.less") : t("kit.more", { count: items.length })}
          </button>
        </p>
      )}
    </>
  );
}
