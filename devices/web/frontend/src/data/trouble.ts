/** What the shown page has to say in the banner, where there is one at a time: what is wrong with all of it. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export interface Trouble {
  heading: string;
  text: string;
}

/** null: nothing. The shell shows it where it has nothing worse to say. */
export const trouble = signal<Trouble | null>(null);

/** Say it as long as the page is shown. @param text  "": there is nothing to say */
export function useTrouble(heading: string, text: string): void {
  useEffect(() => {
    trouble.value = text ? { heading, text } : null;
    return () => {
      trouble.value = null;
    };
  }, [heading, text]);
}
