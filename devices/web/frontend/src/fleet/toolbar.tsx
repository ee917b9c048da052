/** Over the table: counts by presence (which filter), site, search, columns. */

import type { TargetedEvent } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import type { PresenceStatus } from "#client/types.js";
import { page } from "../document/page";
import { ExportButton } from "../ui/export";
import { Icon } from "../ui/icons";
import { Glyph, nameOfStatus } from "../ui/presence";
import { t } from "../words/words.js";
import { Columns } from "./columns";
import { useFleet } from "./store";
import { Views } from "./views";

const SHOWN: PresenceStatus[] = ["online", "stale", "offline", "unknown"];

export function Toolbar() {
  const { totals, allSites } = useFleet();
  return (
    <div class="toolbar">
      <h1>{t("fleet.title")}</h1>
      <div class="counts" role="group" aria-label={t("fleet.presence")}>
        <Count status="" label={t("fleet.all")} count={totals.value.all} />
        {SHOWN.map((status) => (
          <Count key={status} status={status} label={nameOfStatus(status)} count={totals.value[status]} />
        ))}
      </div>
      <div class="toolbar-end">
        {allSites.value.length > 1 && <Sites />}
        <Search />
        <Order />
        <Columns />
        <Export />
        {page.user.board === null && <Views />}
      </div>
    </div>
  );
}

/** Of the site that is shown, or of all. */
function Export() {
  const { site } = useFleet().wanted.value;
  return <ExportButton name={site} site={site ? [site] : []} />;
}

function Count({ status, label, count }: { status: PresenceStatus | ""; label: string; count: number }) {
  const fleet = useFleet();
  const on = fleet.wanted.value.status === status;
  return (
    <button
      class={`count ${status} ${count === 0 ? "none" : ""}`}
      aria-pressed={on}
      aria-label={`${label} ${count}`}
      onClick={() => fleet.want({ status: on ? "" : status })}
    >
      {status && <Glyph status={status} />}
      <span class="count-label">{label}</span> <b class="live">{count}</b>
    </button>
  );
}

function Sites() {
  const fleet = useFleet();
  const choose = (event: TargetedEvent<HTMLSelectElement>) => fleet.want({ site: event.currentTarget.value });
  return (
    <select class="select" aria-label={t("fleet.site")} value={fleet.wanted.value.site} onChange={choose}>
      <option value="">{t("fleet.all_sites")}</option>
      {fleet.allSites.value.map((site) => (
        <option key={site} value={site}>
          {site}
        </option>
      ))}
    </select>
  );
}

function Search() {
  const fleet = useFleet();
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    const slash = (event: KeyboardEvent) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", slash);
    return () => removeEventListener("keydown", slash);
  }, []);
  const typed = (event: TargetedEvent<HTMLInputElement>) => fleet.want({ query: event.currentTarget.value });
  const escape = (event: KeyboardEvent) => event.key === "Escape" && fleet.want({ query: "" });
  return (
    <label class="search">
      <Icon name="search" />
      <input
        class="field"
        type="search"
        ref={input}
        placeholder={t("fleet.search")}
        aria-label={t("fleet.search")}
        value={fleet.wanted.value.query}
        onInput={typed}
        onKeyDown={escape}
      />
      <kbd>/</kbd>
    </label>
  );
}

/** On narrow screens, where there are no column heads to sort by. */
function Order() {
  const fleet = useFleet();
  const { sort, descending } = fleet.wanted.value;
  const choose = (event: TargetedEvent<HTMLSelectElement>) => {
    const [by = "device", direction] = event.currentTarget.value.split("|");
    fleet.want({ sort: by, descending: direction === "down" });
  };
  const options = [
    ["device|up", t("fleet.order.name")],
    ["status|up", t("fleet.order.status")],
    ["updated|down", t("fleet.order.updated")],
    ...fleet.columns.value.flatMap((name) => {
      const label = fleet.labels.value.get(name) ?? name;
      return [
        [`metric:${name}|down`, `${label} ↓`],
        [`metric:${name}|up`, `${label} ↑`],
      ];
    }),
  ];
  return (
    <select
      class="select order"
      aria-label={t("fleet.order")}
      value={`${sort}|${descending ? "down" : "up"}`}
      onChange={choose}
    >
      {options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}
