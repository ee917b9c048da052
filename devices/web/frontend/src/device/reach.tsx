/** Said before something is sent: that the device is not there to get it, and what becomes of it then. */

import { formatSpan, formatTime } from "../lib/format.js";
import { t } from "../words/words.js";
import { useDevice } from "./store";

interface ReachProps {
  /** what is to be sent */
  of: "command" | "desired";
  /** how long a command waits */
  ttl_s?: number;
}

/** Nothing, where the device is online. */
export function Reach({ of, ttl_s = 60 }: ReachProps) {
  const presence = useDevice().state.value?.presence;
  if (!presence || presence.status === "online") return null;
  const { status, since } = presence;
  const state = since === 0 ? t("reach.never") : t(status === "offline" ? "reach.offline" : "reach.unsure", { time: formatTime(since) });
  const then = of === "desired" ? t("reach.desired") : t("reach.command", { span: formatSpan(ttl_s * 1000) });
  return (
    <p class="reach" role="note">
      {state} {then}
    </p>
  );
}
