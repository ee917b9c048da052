/** The keys that hold on every page, and the list of them. */

import { signal } from "@preact/signals";

import { Dialog } from "../kit/dialog";
import { t } from "../words/words.js";
import { Palette } from "./palette";

type Kind = "palette" | "keys";

/** Each opening has its number: a dialog tells its end a moment later, when the next one may be open. */
const opened = signal<{ kind: Kind; number: number } | null>(null);
let openings = 0;

/** Rows that a search stands above: the link that opens each. */
const ROWS = ".fleet-body a[href], .kit-table tbody tr[tabindex]";

/** Listen to them from now on. */
export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") open(event, "palette");
    else if (event.key === "?" && !isTyping(event.target) && !event.ctrlKey && !event.metaKey) open(event, "keys");
    else goThroughRows(event);
  });
}

export function Overlay() {
  if (!opened.value) return null;
  const { kind, number } = opened.value;
  const close = () => {
    if (opened.value?.number === number) opened.value = null;
  };
  return kind === "palette" ? <Palette key={number} onClose={close} /> : <Keys key={number} onClose={close} />;
}

function Keys({ onClose }: { onClose: () => void }) {
  const keys: [key: string, meaning: string][] = [
    ["Ctrl K", t("keys.palette")],
    ["/", t("keys.search")],
    ["↓ ↑", t("keys.list")],
    ["Enter", t("keys.open")],
    ["Esc", t("keys.escape")],
    ["← → + − End", t("keys.charts")],
    ["?", t("keys.help")],
  ];
  return (
    <Dialog title={t("keys.title")} name="keys" onClose={onClose}>
      <dl class="keys-list">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p class="kit-buttons">
        <button class="button" type="button" autofocus onClick={onClose}>
          {t("kit.close")}
        </button>
      </p>
    </Dialog>
  );
}

function open(event: KeyboardEvent, kind: Kind) {
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  opened.value = { kind, number: ++openings };
}

function isTyping(target: EventTarget | null) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

/** From a search into the rows below it, through them, and back; Enter in the search opens the first. */
function goThroughRows(event: KeyboardEvent) {
  if (!(event.target instanceof HTMLElement) || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const rows = [...document.querySelectorAll<HTMLElement>(ROWS)];
  const inSearch = event.target.matches("main input[type=search]");
  const at = rows.indexOf(event.target);
  if (rows.length === 0 || (!inSearch && at < 0)) return;
  if (event.key === "Enter") {
    if (!inSearch) return; // a link's own
    rows[0]?.click();
  } else if (event.key === "ArrowDown") rows[at + 1]?.focus();
  else if (at > 0) rows[at - 1]?.focus();
  else if (at === 0) document.querySelector<HTMLElement>("main input[type=search]")?.focus();
  else return;
  event.preventDefault();
}
