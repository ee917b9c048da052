/** What the operations page knows: the server's overview, asked for again and again, and the rates that follow from it. */

import { computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Overview, QuarantinedMessage, RejectedTopic } from "#client/types.js";
import { whileShown } from "../document/address";
import { rateOf } from "../lib/rates.js";
import type { Sample } from "../lib/rates.js";
import { messageOf } from "../data/failures";
import { HandlerList } from "./handler_store";
import { getOverview, getQuarantine, getRejected, replayQuarantined } from "../data/rest";

const EVERY_MS = 2_000;
const QUARANTINE_EVERY = 5; // every so many overviews
const KEPT = 90; // samples: three minutes
const SHOWN = 20; // quarantined messages

/** Asks at once and then every two seconds, while the page is seen, until it is closed. */
export class Operations {
  readonly overview = signal<Overview | null>(null);
  /** Why the latest overview is missing; "" when it is not. */
  readonly problem = signal("");
  readonly samples = signal<Sample[]>([]);
  /** null: not known yet. */
  readonly quarantined = signal<QuarantinedMessage[] | null>(null);
  /** null: not known yet. */
  readonly rejected = signal<RejectedTopic[] | null>(null);
  readonly handlers = new HandlerList();
  /** Whose quarantine is shown; "": everybody's. */
  readonly device = signal("");
  /** A part of the topics that are looked for. */
  readonly topic = signal("");
  /** What became of replays: by entry, in words. */
  readonly replays = signal<{ [id: number]: string }>({});
  /** Messages a second by outcome, over the latest seconds; null as long as it is not known. */
  readonly rates = computed(() => rateOf(this.samples.value));

  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor() {
    this.#round(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Show what the address says. @returns stops it */
  followAddress(): () => void {
    return whileShown((address) => {
      const [device, topic] = [address.get("device") ?? "", address.get("topic") ?? ""];
      if (topic !== this.topic.peek()) {
        this.topic.value = topic;
        this.#lookAtRejected();
      }
      if (device !== this.device.peek()) {
        this.device.value = device;
        this.quarantined.value = null;
        this.#lookAtQuarantine();
      }
    });
  }

  /** Those on the topics that are looked for. */
  async #lookAtRejected() {
    const wanted = this.topic.value.trim();
    try {
      const found = await getRejected({ limit: SHOWN, ...(wanted && { topic: wanted }) });
      if (wanted === this.topic.value.trim()) this.rejected.value = found.items;
    } catch (error) {
      this.problem.value = messageOf(error);
    }
  }

  /** Have a message carried out again, after a fix. */
  async replay(id: number): Promise<void> {
    this.#note(id, "…");
    try {
      const { outcome, reason } = await replayQuarantined(id);
      this.#note(id, reason ? `${outcome}: ${reason}` : outcome);
    } catch (error) {
      this.#note(id, messageOf(error));
    }
    await Promise.all([this.#look(), this.#lookAtQuarantine()]);
  }

  async #round(nth: number) {
    if (!document.hidden) {
      await this.#look();
      if (nth % QUARANTINE_EVERY === 0) await Promise.all([this.#lookAtQuarantine(), this.#lookAtRejected()]);
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#round(nth + 1), EVERY_MS);
  }

  async #look() {
    try {
      const found = await getOverview();
      this.overview.value = found;
      await this.handlers.look();
      this.samples.value = [...this.samples.value, { at: found.now, ledger: found.ledger }].slice(-KEPT);
      this.problem.value = "";
    } catch (error) {
      this.problem.value = messageOf(error);
    }
  }

  async #lookAtQuarantine() {
    const device = this.device.value;
    try {
      const { items } = await getQuarantine({ limit: SHOWN, ...(device && { device }) });
      if (device === this.device.value) this.quarantined.value = items;
    } catch (error) {
      this.problem.value = messageOf(error);
    }
  }

  #note(id: number, text: string) {
    this.replays.value = { ...this.replays.value, [id]: text };
  }
}

export const OperationsContext = createContext<Operations | null>(null);

/** What the operations page around knows. */
export function useOperations(): Operations {
  const operations = useContext(OperationsContext);
  if (!operations) throw new Error("not inside an OperationsContext");
  return operations;
}
