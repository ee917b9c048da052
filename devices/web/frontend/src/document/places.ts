/** Where one was on each page of the history: going back leads to the same place, with the focus where it was. */

interface Place {
  top: number;
  /** the address of the link that had the focus */
  link: string;
}

const PATIENCE_MS = 3_000; // a page that has become shorter has no such place

const places = new Map<string, Place>();
let current = "";
let wanted: Place | null = null;

/** From now on the page of this entry of the history is shown. @returns whether it was shown before */
export function enter(): boolean {
  const id = idOfEntry();
  current = id ?? `${Date.now()}-${places.size}`;
  if (id === null) history.replaceState({ ...history.state, place: current }, "");
  return places.has(current);
}

function idOfEntry(): string | null {
  const id: unknown = history.state?.place;
  return typeof id === "string" ? id : null;
}

/** Go to where one was, as soon as the page is tall enough and has the link that had the focus; once. */
export function settle(): void {
  if (!wanted) return;
  scrollTo({ top: wanted.top, behavior: "instant" });
  if (Math.abs(scrollY - wanted.top) > 2) return; // not yet
  const { link } = wanted;
  const links = [...document.querySelectorAll<HTMLAnchorElement>("#main a[href]")];
  const anchor = links.find((one) => one.getAttribute("href") === link);
  if (link && !anchor) return; // its row is not there yet
  wanted = null;
  anchor?.focus({ preventScroll: true });
}

/** Take note of where one is, from now on, and find it again. @param main  what grows until the place is there */
export function follow(main: HTMLElement): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", seek);
  addEventListener("scroll", note, { passive: true });
  document.addEventListener("focusin", note);
  document.addEventListener("click", note, { capture: true });
  for (const type of ["wheel", "touchmove", "keydown"]) addEventListener(type, () => (wanted = null), { passive: true });
  new ResizeObserver(settle).observe(main);
}

function seek() {
  const place = (wanted = places.get(idOfEntry() ?? "") ?? null);
  setTimeout(() => {
    if (wanted === place) wanted = null;
  }, PATIENCE_MS);
}

function note(event?: Event) {
  if (!current || wanted) return;
  const target = event?.type === "scroll" ? document.activeElement : event?.target;
  const anchor = target instanceof Element ? target.closest<HTMLAnchorElement>("#main a[href]") : null;
  const link = event?.type === "scroll" && !anchor ? "" : (anchor?.getAttribute("href") ?? "");
  places.set(current, { top: scrollY, link });
}
