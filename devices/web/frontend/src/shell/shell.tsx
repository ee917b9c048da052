/** One document for all pages: a link changes what is shown; the client, its socket and what is known of the devices stay. */

import { render } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { LocationProvider, useLocation } from "preact-iso/router";

import { readAddress } from "../document/address";
import { Causeway, CausewayContext, useCauseway } from "../data/causeway";
import { client, status } from "../data/live";
import { page } from "../document/page";
import { enter, follow, settle } from "../document/places";
import { setTitle } from "../document/title";
import { Boundary } from "../ui/boundary";
import { Banner, LinkIndicator, closeMenus } from "./frame";
import { isWithin, loadAhead, prepare, readyAtOnce, routeOf } from "./routes";
import type { Ready, Route } from "./routes";

const AHEAD_MS = 200; // after the first page is live, and only when what it watches has come

/** Show the page of the address, and from now on whichever a link leads to. */
export function start(): void {
  const causeway = new Causeway(client);
  render(<LinkIndicator />, element("link-indicator"));
  render(<Banner />, element("banner"));
  render(
    <CausewayContext.Provider value={causeway}>
      <LocationProvider scope={LINKS}>
        <Outlet />
      </LocationProvider>
    </CausewayContext.Provider>,
    element("main"),
  );
  keepHeight();
  follow(element("main"));
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus());
  if (new URLSearchParams(location.search).has("kiosk")) document.documentElement.dataset["kiosk"] = "yes";
  const stop = status.subscribe((value) => {
    if (value !== "live") return;
    setTimeout(() => stop());
    setTimeout(() => causeway.twins.whole().then(loadAhead), AHEAD_MS);
  });
}

/** Which links stay in this document: the router tests their `href` as they are written. */
const LINKS = Object.assign(/(?:)/, { test: isWithin });

function Outlet() {
  const causeway = useCauseway();
  const { path, url } = useLocation();
  const route = useMemo(() => routeOf(path), [path]);
  const shown = useReady(route);
  useLayoutEffect(() => {
    if (!shown || shown.route !== route) return; // it is being fetched
    readAddress();
    arrive(shown, causeway);
  }, [url, shown]);
  useEffect(() => {
    // The router hears of no change that `tell` made: a link to what it takes for the present address changes nothing for it.
    const sameRoute = () => routeOf(location.pathname)?.key === shown?.route.key && readAddress();
    addEventListener("click", sameRoute);
    return () => removeEventListener("click", sameRoute);
  }, [shown]);
  if (!shown) return null;
  const { component: Page } = shown.definition;
  return (
    <Boundary key={shown.route.key} name={shown.title}>
      <Page params={shown.route.params} data={shown.data} causeway={causeway} />
    </Boundary>
  );
}

/** The page to show: that of the route, and the one before it as long as something of it is missing. */
function useReady(route: Route | null): Ready | null {
  const [fetched, setFetched] = useState<Ready | null>(null);
  const shown = useRef<Ready | null>(null);
  const atOnce = useMemo(() => (route ? readyAtOnce(route) : null), [route]);
  useEffect(() => {
    if (atOnce) return undefined;
    if (!route) {
      location.reload(); // the server says what is there
      return undefined;
    }
    let isWanted = true;
    prepare(route, shown.current === null).then(
      (ready) => isWanted && setFetched(ready),
      (error) => isWanted && missing(error, shown.current === null),
    );
    return () => {
      isWanted = false;
    };
  }, [route, atOnce]);
  const ready = atOnce ?? (fetched?.route === route ? fetched : null) ?? shown.current;
  shown.current = ready;
  return ready;
}

/** A part of a page did not arrive: the document is loaded anew, which a deploy may make necessary. */
function missing(error: unknown, isFirst: boolean) {
  console.error(error);
  if (isFirst) dispatchEvent(new Event("causeway-part-missing")); // templates/causeway/boot.js tries again
  else location.reload();
}

/** A page is on screen. */
function arrive({ route, definition, data, title }: Ready, causeway: Causeway) {
  const named = definition.title?.({ params: route.params, data, causeway }) ?? title;
  setTitle(named);
  for (const link of document.querySelectorAll(".topbar nav a")) {
    const isHere = new URL((link as HTMLAnchorElement).href).pathname === location.pathname;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const root = document.documentElement;
  const isFirst = root.dataset["started"] === undefined;
  root.dataset["started"] = "yes"; // see templates/causeway/boot.js
  if (isFirst) {
    document.querySelector("#main > .blank, #main > noscript")?.remove();
    forgetAttempts();
  }
  const isKnown = enter();
  if (isKnown) settle();
  else if (!isFirst && isOther(route.key)) {
    scrollTo({ top: 0, behavior: "instant" });
    element("main").focus({ preventScroll: true });
  }
  last = route.key;
}

let last = "";

function isOther(key: string) {
  return key !== last;
}

function forgetAttempts() {
  try {
    sessionStorage.removeItem("causeway.attempts");
  } catch {
    // then there was none
  }
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`not a page of ours: ${page.name}`);
  return found;
}

/** Tell the style sheets how much sticks to the top. */
function keepHeight() {
  const top = element("top");
  const tell = () => document.documentElement.style.setProperty("--top", `${top.offsetHeight}px`);
  new ResizeObserver(tell).observe(top);
}
