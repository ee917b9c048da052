/** What the operations page knows of the handlers of apps: asked for again and again while the page is seen. */

import { signal } from "@preact/signals";

import { messageOf } from "../data/failures";
import { getHandlers, getParked, tellHandler } from "../data/handlers";
import type { Handler, HandlerVerb, ParkedDevice } from "../data/handlers";
import { may } from "../document/page";

const KEPT = 6; // samples: about ten seconds
const PARKED = 20; // devices that are shown

interface Sample {
  at_ms: number;
  handled: number;
}

/** Only who may manage handlers sees them. */
export class HandlerList {
  /** null: not known, or not for this user. */
  readonly shown = signal<readonly Handler[] | null>(null);
  /** Items a second by handler, over the latest seconds. */
  readonly rates = signal<{ readonly [name: string]: number }>({});
  /** Whose parked devices are shown; "": nobody's. */
  readonly opened = signal("");
  /** null: not known yet. */
  readonly parked = signal<readonly ParkedDevice[] | null>(null);
  /** What could not be done, in words. */
  readonly problem = signal("");

  readonly isForUs = may("handlers.manage");
  #samples = new Map<string, Sample[]>();

  async look(): Promise<void> {
    if (!this.isForUs) return;
    const { items } = await getHandlers();
    this.shown.value = items;
    this.rates.value = Object.fromEntries(items.map((one) => [one.name, this.#rate(one)]));
    const { opened } = this;
    if (opened.value && items.some(({ name, parked }) => name === opened.value && parked)) await this.#lookAtParked();
    else opened.value = "";
  }

  /** Show the parked devices of a handler, or no longer. */
  async open(name: string): Promise<void> {
    this.parked.value = null;
    this.opened.value = this.opened.value === name ? "" : name;
    if (this.opened.value) await this.#lookAtParked();
  }

  /** @param verb  what it is to do */
  async tell(name: string, verb: HandlerVerb): Promise<void> {
    try {
      const told = await tellHandler(name, verb);
      this.problem.value = "";
      this.#samples.delete(name);
      this.shown.value = this.shown.value?.map((one) => (one.name === name ? told : one)) ?? null;
    } catch (error) {
      this.problem.value = messageOf(error);
    }
  }

  async #lookAtParked() {
    const name = this.opened.value;
    try {
      const { items } = await getParked(name, PARKED);
      if (name === this.opened.value) this.parked.value = items;
    } catch (error) {
      this.problem.value = messageOf(error);
    }
  }

  #rate({ name, handled }: Handler): number {
    const before = this.#samples.get(name) ?? [];
    const samples = [...before.filter((one) => one.handled <= handled), { at_ms: performance.now(), handled }].slice(-KEPT);
    this.#samples.set(name, samples);
    const [first, last] = [samples[0], samples.at(-1)];
    if (!first || !last || first === last) return 0;
    return ((last.handled - first.handled) * 1000) / (last.at_ms - first.at_ms);
  }
}
