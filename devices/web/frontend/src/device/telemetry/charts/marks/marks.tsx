/** Above the charts: whether the device was there, and what happened, at its time. Arrow keys go from mark to mark. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { useCauseway } from "../../../../data/causeway";
import { serverNow } from "../../../../data/clock";
import { now } from "../../../../data/live";
import { formatTime } from "../../../../lib/format.js";
import { nameOfStatus } from "../../../../ui/presence";
import { t } from "../../../../words/words.js";
import { useDevice } from "../../../store";
import { Happenings } from "./happenings";
import { marksOf, spellsOf } from "./placed.js";
import type { Happened, Mark } from "./placed.js";
import { useStretch } from "../stretch";

const APART_PX = 16;
const PAUSE_MS = 250; // while a stretch is moved by hand, nothing is asked for
const MOST_LISTED = 5;
const GLYPHS = { event: "●", alert: "▲", command: "▸" };

export function Marks() {
  const device = useDevice();
  const { client } = useCauseway();
  const stretch = useStretch();
  const [happenings] = useState(() => new Happenings(device));
  const lane = useRef<HTMLDivElement>(null);
  const place = useSignal({ left: 0, width: 0 });
  const chosen = useSignal<string | null>(null);
  now.value; // time goes on
  const [from, to] = stretch.now();
  useEffect(() => client.on("alert", ({ device: key }) => key === device.key && happenings.refresh()), [client, device, happenings]);
  useEffect(() => () => happenings.stop(), [happenings]);
  useEffect(() => {
    const timer = setTimeout(() => document.hidden || happenings.want(from, to), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [from, to]);
  const look = () => {
    const measured = measure(lane.current);
    if (measured && (measured.left !== place.peek().left || measured.width !== place.peek().width)) place.value = measured;
  };
  useEffect(look); // the axes of values below may have become wider
  useEffect(() => {
    const observer = new ResizeObserver(() => setTimeout(look)); // once the charts have followed
    if (lane.current) observer.observe(lane.current);
    return () => observer.disconnect();
  }, []);
  const { left, width } = place.value;
  const marks = width > 0 ? marksOf(happenings.all.value, from, to, APART_PX / width) : [];
  const spells = width > 0 ? spellsOf(happenings.statuses.value, from, to, serverNow()) : [];
  const shown = marks.find((mark) => idOf(mark) === chosen.value);
  return (
    <div class="marks" ref={lane}>
      <div class="marks-lane" style={{ marginLeft: `${left}px`, width: `${width}px` }}>
        <div class="spells" role="img" aria-label={spells.map(({ status }) => nameOfStatus(status as "online")).join(", ") || t("presence.unknown")}>
          {spells.map(({ status, from: begin, to: end }) => (
            <i key={begin} class={`spell ${status}`} title={nameOfStatus(status as "online")} style={{ left: percent(begin), width: percent(end - begin) }} />
          ))}
        </div>
        <div class="marks-row" role="toolbar" aria-label={t("device.marks")} onKeyDown={goOn}>
          {marks.map((mark, index) => (
            <One key={idOf(mark)} mark={mark} isFirst={index === 0} isChosen={mark === shown} onChoose={() => (chosen.value = mark === shown ? null : idOf(mark))} />
          ))}
        </div>
      </div>
      <div class="marks-said" role="status">
        {happenings.error.value && <span class="error-text">{t("device.marks.failed", { why: happenings.error.value })}</span>}
        {happenings.more.value && !happenings.error.value && <span class="faint">{t("device.marks.more")}</span>}
        {shown && <Listed all={shown.all} />}
      </div>
    </div>
  );
}

function One({ mark, isFirst, isChosen, onChoose }: { mark: Mark; isFirst: boolean; isChosen: boolean; onChoose: () => void }) {
  const kinds = (["alert", "event", "command"] as const).filter((kind) => mark.all.some((one) => one.kind === kind));
  const kind = kinds[0] ?? "event";
  const text = mark.all.length === 1 && mark.all[0] ? sayOne(mark.all[0]) : t("device.marks.several", { count: mark.all.length, time: formatTime(mark.all[0]?.at ?? 0) });
  return (
    <button class={`mark of-${kind}`} tabIndex={isFirst ? 0 : -1} aria-pressed={isChosen} aria-label={text} title={text} style={{ left: percent(mark.share) }} onClick={onChoose}>
      {mark.all.length > 1 ? mark.all.length : GLYPHS[kind]}
    </button>
  );
}

function Listed({ all }: { all: readonly Happened[] }) {
  return (
    <ul>
      {all.slice(0, MOST_LISTED).map((one) => (
        <li key={`${one.kind} ${one.id}`}>
          <span aria-hidden="true">{GLYPHS[one.kind]}</span> {sayOne(one)}
        </li>
      ))}
      {all.length > MOST_LISTED && <li class="faint">{t("device.marks.others", { count: all.length - MOST_LISTED })}</li>}
    </ul>
  );
}

function sayOne({ kind, at, text }: Happened): string {
  return t(`device.marks.${kind}`, { time: formatTime(at), text });
}

function idOf({ all: [first] }: Mark): string {
  return first ? `${first.kind} ${first.id}` : "";
}

function percent(share: number): string {
  return `${share * 100}%`;
}

/** Arrow keys, Home and End go from mark to mark. */
function goOn(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  const marks = [...event.currentTarget.querySelectorAll<HTMLElement>(".mark")];
  const at = marks.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: marks.length - 1 }[event.key];
  if (to === undefined || !marks[to]) return;
  event.preventDefault();
  marks[to].focus();
}

/** Where the charts below have their time. */
function measure(lane: HTMLElement | null): { left: number; width: number } | null {
  const over = lane?.parentElement?.querySelector(".u-over");
  if (!lane || !over) return null;
  const [own, there] = [lane.getBoundingClientRect(), over.getBoundingClientRect()];
  return { left: Math.round(there.left - own.left), width: Math.round(there.width) };
}
