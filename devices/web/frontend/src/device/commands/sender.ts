/** Sending commands to a device, one after the other; a grave one asks back. */

import { signal } from "@preact/signals";

import { isObject } from "#client/stream.js";
import type { JsonObject } from "#client/types.js";
import { inexact } from "../../lib/json/exact.js";
import { wrongIn } from "../../lib/json/faults.js";
import { isGrave, isUnderWay } from "../../lib/grave.js";
import { messageOf } from "../../data/failures";
import { client } from "../../data/live";
import { t } from "../../words/words.js";
import type { Device } from "../store";

const HOLD_MS = 500; // after a command: whoever clicks twice means one

interface Draft {
  name: string;
  args: JsonObject;
  ttl_s: number;
}

/** What is being sent to a device. */
export class Sender {
  readonly form = signal({ name: "", args: "{}", ttl_s: "60" });
  readonly problem = signal("");
  /** The name of what is on its way to the server, and for a moment afterwards. */
  readonly busy = signal("");
  /** The grave command that waits to be confirmed. */
  readonly asked = signal<Draft | null>(null);

  constructor(readonly device: Device) {}

  /** The one way of sending: a grave command asks back, and while something is on its way nothing follows it. */
  request(name: string, args: JsonObject, ttl_s = 60): void {
    if (this.busy.value !== "" || this.asked.value || isUnderWay(this.device.commands.value, name)) return;
    if (isGrave(name)) this.asked.value = { name, args, ttl_s };
    else this.#send({ name, args, ttl_s });
  }

  /** Whether the grave command is meant. */
  answer(yes: boolean): void {
    const draft = this.asked.value;
    this.asked.value = null;
    if (yes && draft) this.#send(draft);
  }

  async #send({ name, args, ttl_s }: Draft) {
    [this.problem.value, this.busy.value] = ["", name];
    try {
      this.device.note([await client.command(this.device.key, name, args, { ttl_s })]);
    } catch (error) {
      this.problem.value = `${name}: ${messageOf(error)}`;
    }
    await new Promise((done) => setTimeout(done, HOLD_MS));
    this.busy.value = "";
  }

  /** What was typed as arguments; null: it is none, and `problem` says why. */
  parsedArgs(): JsonObject | null {
    const text = this.form.value.args;
    const wrong = text.trim() === "" ? "" : wrongIn(text);
    const args = wrong ? null : JSON.parse(text.trim() || "{}");
    this.problem.value = wrong || (isObject(args) ? inexact(text) : t("device.args.object"));
    return this.problem.value === "" ? args : null;
  }
}
