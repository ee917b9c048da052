/** Only the rows that can be seen exist: which ones, as the page scrolls. */

import { useEffect, useState } from "preact/hooks";

const BEYOND = 8; // rows kept ready above and below

/**
 * @param holder  the element as tall as all rows together
 * @returns half open
 */
export function useVisibleRows(
  holder: { current: HTMLElement | null },
  count: number,
  height_px: number,
): [first: number, last: number] {
  const [range, setRange] = useState<[number, number]>([0, 30]);
  useEffect(() => {
    let asked = 0;
    const measure = () => {
      asked = 0;
      const top = holder.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height_px) - BEYOND);
      const last = Math.max(first, Math.ceil((innerHeight - top) / height_px) + BEYOND); // it may begin below the screen
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    const later = () => (asked ||= requestAnimationFrame(measure));
    measure();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(asked);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [holder, height_px, count]);
  return [Math.min(range[0], count), Math.min(range[1], count)];
}
