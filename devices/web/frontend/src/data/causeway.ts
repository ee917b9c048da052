/** What every page and panel of a document shares: one client, one cache of twins, and what stays for who goes back. */

import { createContext } from "preact";
import { useContext, useEffect } from "preact/hooks";

import type { Client } from "#client/client.js";
import { Kept } from "./kept";
import type { Closable } from "./kept";
import { Twins } from "./twins";

export class Causeway {
  readonly kept = new Kept();
  readonly twins: Twins;

  constructor(readonly client: Client) {
    this.twins = new Twins(client);
  }
}

export const CausewayContext = createContext<Causeway | null>(null);

/** That of the document around. */
export function useCauseway(): Causeway {
  const causeway = useContext(CausewayContext);
  if (!causeway) throw new Error("not inside a CausewayContext");
  return causeway;
}

/** Something of that name, made if there is none; when the component goes, it stays for so long. */
export function useKept<T extends Closable>(name: string, make: () => T, linger_ms: number): T {
  const { kept } = useCauseway();
  const value = kept.get(name, make, linger_ms);
  useEffect(() => kept.hold(name), [kept, name]);
  return value;
}
