/** Only the rows that can be seen exist: which ones, as the page scrolls. */

import { useEffect, useLayoutEffect, useState } from "preact/hooks";

import { perFrame } from "../data/live";
import { settle } from "../document/places";

const BEYOND = 8; // rows kept ready above and below

/**
 * @param holder  the element as tall as all rows together
 * @returns half open
 */
export function useWindow(
  holder: { current: HTMLElement | null },
  count: number,
  height_px: number,
): [first: number, last: number] {
  const [range, setRange] = useState<[number, number]>([0, 30]);
  useLayoutEffect(() => {
    const measure = () => {
      const top = holder.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height_px) - BEYOND);
      const last = Math.ceil((innerHeight - top) / height_px) + BEYOND;
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    const later = perFrame(measure);
    settle(); // who goes back is where they were before the rows are chosen
    measure();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [height_px, count]);
  useLayoutEffect(settle, [range]); // now they are there
  return [Math.min(range[0], count), Math.min(range[1], count)];
}

/** Whether a media query holds, now and whenever that changes. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setHolds(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return holds;
}
