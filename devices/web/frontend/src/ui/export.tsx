/** The button "Export…", and its dialog: what, as which file, and how much of it there is by now. */

import type { TargetedEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { serverNow } from "../data/clock";
import { fetchExport, keepFile } from "../data/exports";
import type { ExportFormat, ExportQuery } from "../data/exports";
import { Dialog } from "../kit/dialog";
import { Field } from "../kit/field";
import { formatBytes } from "../lib/format.js";
import { t } from "../words/words.js";

const DAY_MS = 86_400_000;
const STRETCHES = [1, 7, 30]; // days
const FORMATS: [ExportFormat, string][] = [
  ["csv", "CSV"],
  ["ndjson", "NDJSON"],
  ["parquet", "Parquet"],
];

interface ExportProps {
  /** what the file is of, and what it is called; "": all devices */
  name: string;
  device?: readonly string[];
  site?: readonly string[];
  /** to choose from; none: all are exported */
  metrics?: readonly { name: string; label: string }[];
}

export function ExportButton(props: ExportProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button class="button" type="button" onClick={() => setOpen(true)}>
        {t("export.open")}
      </button>
      {open && <ExportDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

type State = { is: "asking" } | { is: "running"; share: number; bytes: number } | { is: "done"; bytes: number } | { is: "failed"; why: string };

function ExportDialog({ name, device = [], site = [], metrics = [], onClose }: ExportProps & { onClose: () => void }) {
  const [kind, setKind] = useState<ExportQuery["kind"]>("readings");
  const [format, setFormat] = useState<ExportFormat>("csv");
  const [days, setDays] = useState(1);
  const [metric, setMetric] = useState("");
  const [state, setState] = useState<State>({ is: "asking" });
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const run = async (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    const control = (running.current = new AbortController());
    const since = days ? serverNow() - days * DAY_MS : null;
    const query: ExportQuery = { kind, format, device, site, metric: kind === "readings" && metric ? [metric] : [], since };
    setState({ is: "running", share: 0, bytes: 0 });
    try {
      const file = await fetchExport(query, (share, bytes) => setState({ is: "running", share, bytes }), control.signal);
      keepFile(file, `${(name || "causeway").replaceAll("/", "-")}-${kind}.${format}`);
      setState({ is: "done", bytes: file.size });
    } catch (error) {
      if (!control.signal.aborted) setState({ is: "failed", why: (error as Error).message });
    }
  };
  const isRunning = state.is === "running";
  return (
    <Dialog title={name ? t("export.title.of", { name }) : t("export.title")} name="export" onClose={onClose}>
      <form class="kit-form" onSubmit={run}>
        <Choice label={t("export.what")} value={kind} onChange={(value) => setKind(value as ExportQuery["kind"])} disabled={isRunning}
          options={[["readings", t("export.readings")], ["events", t("export.events")]]} />
        {metrics.length > 0 && kind === "readings" && (
          <Choice label={t("export.metric")} value={metric} onChange={setMetric} disabled={isRunning}
            options={[["", t("export.metrics.all")], ...metrics.map((one): [string, string] => [one.name, one.label])]} />
        )}
        <Choice label={t("export.time")} value={String(days)} onChange={(value) => setDays(Number(value))} disabled={isRunning}
          options={[...STRETCHES.map((count): [string, string] => [String(count), count === 1 ? t("export.day") : t("export.days", { count })]), ["0", t("export.time.all")]]} />
        <Choice label={t("export.format")} value={format} onChange={(value) => setFormat(value as ExportFormat)} disabled={isRunning} options={FORMATS} />
        <Progress state={state} />
        <p class="kit-buttons">
          <button class="button" type="button" onClick={onClose}>
            {t(state.is === "done" ? "export.close" : "kit.cancel")}
          </button>
          <button class="button primary" type="submit" disabled={isRunning}>
            {t("export.run")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: readonly [value: string, label: string][];
  onChange: (value: string) => void;
  disabled: boolean;
}

function Choice({ label, value, options, onChange, disabled }: ChoiceProps) {
  return (
    <Field label={label}>
      {(attributes) => (
        <select {...attributes} class="select" value={value} disabled={disabled} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Progress({ state }: { state: State }) {
  if (state.is === "asking") return null;
  if (state.is === "failed")
    return (
      <p class="error-text" role="alert">
        {state.why}
      </p>
    );
  const size = formatBytes(state.bytes);
  if (state.is === "done") return <p role="status">{t("export.done", { size })}</p>;
  const share = state.bytes ? { value: state.share } : {};
  return (
    <p>
      <progress aria-label={t("export.progress")} max={1} {...share} /> <span class="live">{size}</span>
    </p>
  );
}
