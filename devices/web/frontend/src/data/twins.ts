/** The latest known states of all devices that this document ever watched, whichever page did. */

import type { Client } from "#client/client.js";
import type { Subscription, Target } from "#client/subscription.js";
import type { Change, DeviceState } from "#client/types.js";

export class Twins {
  #client: Client;
  #states = new Map<string, DeviceState>();
  /** Those of which only the brief description is known. */
  #brief = new Set<string>();
  /** Those of whole sites that are not there yet. */
  #awaited = new Set<Subscription>();
  #waiting: (() => void)[] = [];

  constructor(client: Client) {
    this.#client = client;
  }

  /** A device's state as it was last heard; undefined: it never was, or the device is gone. */
  get(key: string): DeviceState | undefined {
    return this.#states.get(key);
  }

  /** Those of all devices, or of some. */
  known(target: Target): ReadonlyMap<string, DeviceState> {
    const { site, devices } = target;
    if (site === "*") return new Map(this.#states);
    const wanted = devices ? new Set(devices) : null;
    const isMeant = (key: string) => (wanted ? wanted.has(key) : key.startsWith(`${site}/`));
    return new Map([...this.#states].filter(([key]) => isMeant(key)));
  }

  /**
   * Watch devices. What is known of them is not sent again: the stream goes on from there. But a device of which only the
   * brief description is known is asked for anew where the full one is wanted: no patch would bring the rest of it.
   */
  watch(target: Target): Subscription {
    const isBrief = target.description === "brief";
    const known = [...this.known(target)].filter(([key]) => isBrief || !this.#brief.has(key));
    const subscription = this.#client.watch(target, known);
    subscription.on("change", (change) => this.#take(change, isBrief));
    subscription.on("refused", (keys) => keys.forEach((key) => this.#states.delete(key)));
    if (target.site) this.#await(subscription);
    return subscription;
  }

  /** Whole sites that are watched have come: what isn't urgent may have the line now. */
  whole(): Promise<void> {
    return new Promise((done) => {
      this.#waiting.push(done);
      this.#arrived();
    });
  }

  #await(subscription: Subscription) {
    this.#awaited.add(subscription);
    for (const end of ["ready", "failed"] as const) subscription.on(end, () => this.#arrived(subscription));
  }

  #arrived(subscription?: Subscription) {
    if (subscription) this.#awaited.delete(subscription);
    if (this.#awaited.size === 0) for (const done of this.#waiting.splice(0)) done();
  }

  #take(change: Change, isBrief: boolean) {
    if (change.kind === "gone") {
      this.#states.delete(change.device);
      return;
    }
    const before = this.#states.get(change.device);
    const isNewer = !before || change.state.rev >= before.rev;
    const isReset = change.kind === "snapshot" && change.reason === "reset"; // the server has older data than before
    const isLess = isBrief && before?.rev === change.state.rev && !this.#brief.has(change.device);
    if ((!isNewer || isLess) && !isReset) return;
    this.#states.set(change.device, change.state);
    if (isBrief && change.state.description) this.#brief.add(change.device);
    else this.#brief.delete(change.device);
  }
}
