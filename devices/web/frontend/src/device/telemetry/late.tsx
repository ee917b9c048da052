/** Marks a metric of which readings came late: after younger ones, so that they never were its latest value. */

import { Badge } from "../../kit/badge";
import { t } from "../../words/words.js";
import { useDevice } from "../store";

/** How many did, of those that are known. */
export function LateBadge({ name }: { name: string }) {
  const { past } = useDevice();
  past.version.value;
  const count = past.of(name).late.size;
  if (count === 0) return null;
  return (
    <Badge tone="warn" title={t("device.late.tip")}>
      {t("device.late.count", { count })}
    </Badge>
  );
}
