/** A line over time, drawn once: for what is given. (The device page's charts, which move with the clock, are made of the same strips.) */

import { useEffect, useRef } from "preact/hooks";

import { Gutter, Strip } from "../ui/strip";
import { theme } from "../ui/theme";

interface ChartProps {
  /** what it shows, for who can't see it */
  label: string;
  /** Unix ms, ascending */
  times: readonly number[];
  /** one for each time; null: a gap */
  values: readonly (number | null)[];
  /** 1…6 */
  color?: number;
  height_px?: number;
}

export function Chart({ label, times, values, color = 1, height_px = 160 }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const look = theme.value;
  useEffect(() => {
    if (!holder.current) return undefined;
    const strip = new Strip(holder.current, height_px, {
      color,
      nameOf: null,
      times: true,
      onCursor: () => undefined,
      onZoom: () => undefined,
      onReset: () => undefined,
      gutter: new Gutter(),
    });
    strip.draw([times.map((ms) => ms / 1000), [...values]], times[0] ?? 0, times.at(-1) ?? 1);
    const observer = new ResizeObserver(() => holder.current && strip.resize(holder.current.clientWidth, height_px));
    observer.observe(holder.current);
    return () => {
      observer.disconnect();
      strip.destroy();
    };
  }, [times, values, color, height_px, look]);
  return <div ref={holder} class="plot" role="img" aria-label={label} style={{ height: `${height_px}px` }} />;
}
