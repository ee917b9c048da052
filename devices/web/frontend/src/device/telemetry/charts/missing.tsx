/** What the charts don't show of their stretch of time, and why. */

import { now } from "../../../data/live";
import { formatShare, formatTime } from "../../../lib/format.js";
import { t } from "../../../words/words.js";
import { useDevice } from "../../store";
import { useStretch } from "./stretch";

const SLACK_MS = 1_000;

export function Missing() {
  now.value; // time goes on
  return useStretch().isLong.value ? <MissingOfLong /> : <MissingReadings />;
}

function MissingOfLong() {
  const { overviews, charted } = useDevice();
  const stretch = useStretch();
  const [from] = stretch.now();
  if (overviews.error.value)
    return (
      <>
        <span class="error-text">{t("device.charts.failed", { why: overviews.error.value })}</span>{" "}
        <button class="button small" onClick={() => overviews.retry()}>
          {t("kit.retry")}
        </button>
      </>
    );
  const isLooked = (name: string) => stretch.seen.value.has(name);
  if (charted.value.some((name) => isLooked(name) && !overviews.has(name))) return <span class="faint">{t("kit.loading")}</span>;
  const since = overviews.completeSince.value;
  if (since <= from + SLACK_MS) return <span class="faint">{t("device.charts.band")}</span>;
  return <span>{t("device.charts.purged", { time: formatTime(since) })}</span>;
}

function MissingReadings() {
  const { past } = useDevice();
  const [from, to] = useStretch().now();
  const since = past.since.value;
  if (since <= from) return null;
  const share = formatShare(to - since, to - from);
  if (past.loading.value) return <span class="faint">{t("device.charts.loading", { share })}</span>;
  if (past.full.value) return <span>{t("device.charts.full", { share })}</span>;
  if (!past.error.value) return null;
  return (
    <>
      <span class="error-text">{t("device.charts.missing", { share, why: past.error.value })}</span>{" "}
      <button class="button small" onClick={() => past.retry()}>
        {t("kit.retry")}
      </button>
    </>
  );
}
