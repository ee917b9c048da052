/** Only the rows that can be seen exist: which ones, as the page scrolls. */

import { useEffect, useState } from "preact/hooks";

import { perFrame } from "../live.js";

const BEYOND = 8; // rows kept ready above and below

/**
 * @param {{current: HTMLElement | null}} holder  the element as tall as all rows together
 * @param {number} count
 * @param {number} height_px  of a row
 * @returns {[first: number, last: number]} half open
 */
export function useWindow(holder, count, height_px) {
  const [range, setRange] = useState(/** @type {[number, number]} */ ([0, 30]));
  useEffect(() => {
    const measure = () => {
      const top = holder.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height_px) - BEYOND);
      const last = Math.ceil((innerHeight - top) / height_px) + BEYOND;
      setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    const later = perFrame(measure);
    measure();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [height_px, count]);
  return [Math.min(range[0], count), Math.min(range[1], count)];
}

/** Whether a media query holds, now and whenever that changes. @param {string} query */
export function useMedia(query) {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setHolds(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return holds;
}
