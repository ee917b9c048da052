/** What was sent to the device, and what became of it, step by step. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { isObject } from "#client/stream.js";
import type { Command, CommandStatus, CommandStep } from "#client/types.js";
import { linkTo, parameters } from "../../document/address";
import { More } from "../../kit/lists";
import { formatLatency, formatSpan, formatTime, formatTimeMs } from "../../lib/format.js";
import { now } from "../../data/live";
import { may, siteOf } from "../../document/page";
import { t } from "../../words/words.js";
import { cancelCommand } from "../../data/rest";
import { Composer } from "./composer";
import { Whole } from "../cut";
import { messageOf } from "../../data/failures";
import { useDevice } from "../store";

const FIRST = 6;

function useMayCommand() {
  return may("devices.command", siteOf(useDevice().key));
}

export function CommandsPanel() {
  const mayCommand = useMayCommand();
  return (
    <section class="panel commands" aria-labelledby="commands-title">
      <div class="panel-head">
        <h2 id="commands-title">{t("device.commands")}</h2>
        {!mayCommand && (
          <span class="chip" title={t("device.viewer")}>
            {t("device.read_only")}
          </span>
        )}
      </div>
      {mayCommand && <Composer />}
      <List />
    </section>
  );
}

function List() {
  const { commands, commandsPast, found } = useDevice();
  const { known, error } = commandsPast.value;
  const isListed = commands.value.some(({ id }) => id === found.value?.id);
  const listed = found.value && !isListed ? [...commands.value, found.value] : commands.value;
  if (error) return <p class="blank error-text">{t("device.commands.missing", { why: error })}</p>;
  if (listed.length === 0)
    return (
      <p class="blank" aria-busy={!known}>
        {known ? t("device.commands.none") : "…"}
      </p>
    );
  return (
    <More items={listed} first={FIRST} isWanted={({ id }) => parameters.value.get("command") === id}>
      {(shown) => (
        <ol class="command-list live">
          {shown.map((command) => (
            <One key={command.id} command={command} />
          ))}
        </ol>
      )}
    </More>
  );
}

const TONES: { [status in CommandStatus]: string } = {
  accepted: "accent",
  sent: "accent",
  delivered: "accent",
  done: "ok",
  rejected: "bad",
  failed: "bad",
  expired: "warn",
  cancelled: "warn",
  unconfirmed: "warn",
};

function One({ command }: { command: Command }) {
  const { id, name, args, timeline, result, reason } = command;
  const empty = isObject(args) && Object.keys(args).length === 0;
  const sent_ms = Date.parse(command.created_at);
  const isOpened = parameters.value.get("command") === id;
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isOpened) item.current?.scrollIntoView({ block: "nearest" });
  }, [isOpened]);
  return (
    <li class={`command ${isOpened ? "opened" : ""}`} ref={item} aria-current={isOpened ? "true" : undefined}>
      <div class="command-head">
        <strong class="mono">{name}</strong>
        {!empty && <Whole name="arguments" value={args} look="clip muted" />}
        <span class="grow" />
        {isOpen(command) && <Remaining command={command} />}
        <span class={`chip ${TONES[command.status]}`}>{t(`command.${command.status}`)}</span>
        <a class="faint" href={linkTo({ command: isOpened ? null : id })} title={`${formatTimeMs(sent_ms)}\n${id}`}>
          <time dateTime={command.created_at}>{formatTime(sent_ms)}</time>
        </a>
      </div>
      <Steps timeline={timeline} />
      {reason && <p class="command-note">{reason}</p>}
      {result !== null && result !== undefined && (
        <p class="command-note">
          <Whole name="result" value={result} />
        </p>
      )}
    </li>
  );
}

function isOpen({ status }: Command) {
  return status === "accepted" || status === "sent";
}

function Remaining({ command }: { command: Command }) {
  const device = useDevice();
  const problem = useSignal("");
  const left = Date.parse(command.expires_at) - now.value;
  const cancel = async () => {
    try {
      device.note([await cancelCommand(command.id)]);
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  return (
    <>
      {problem.value && (
        <span class="error-text" role="alert">
          {problem.value}
        </span>
      )}
      <span class="faint">{left > 0 ? t("device.left", { span: formatSpan(left) }) : t("device.expiring")}</span>
      {useMayCommand() && (
        <button class="button bare small" onClick={cancel}>
          {t("kit.cancel")}
        </button>
      )}
    </>
  );
}

const USUAL: CommandStatus[] = ["accepted", "sent", "delivered", "done"];

/** The way so far, each step with the time since the first; and, while it goes well, what is still to come. */
function Steps({ timeline }: { timeline: CommandStep[] }) {
  const begun = Date.parse(timeline[0]?.at ?? "");
  const last = timeline.at(-1)?.status ?? "accepted";
  const ahead = USUAL.slice(0, -1).includes(last) ? USUAL.slice(USUAL.indexOf(last) + 1) : [];
  return (
    <ol class="steps">
      {timeline.map((step, index) => (
        <li key={index} class={`step ${TONES[step.status]}`} title={formatTimeMs(Date.parse(step.at))}>
          {t(`command.${step.status}`)}
          {step.late && ` (${t("device.late")})`}
          <span class="faint">{index > 0 && `+${formatLatency(Date.parse(step.at) - begun)}`}</span>
        </li>
      ))}
      {ahead.map((name) => (
        <li key={name} class="step ahead">
          {t(`command.${name}`)}
        </li>
      ))}
    </ol>
  );
}
