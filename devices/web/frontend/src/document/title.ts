/** The document's title: of the page that is shown. */

import { useEffect } from "preact/hooks";

export function setTitle(named: string): void {
  document.title = `${named} · Causeway`;
}

/** What a page is called once it knows better than when it was opened. @param named  "": it doesn't */
export function useTitle(named: string): void {
  useEffect(() => {
    if (named) setTitle(named);
  }, [named]);
}
