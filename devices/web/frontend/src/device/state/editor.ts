/** A patch of a device's desired state that somebody writes: kept until it is sent or given up. */

import { computed, signal } from "@preact/signals";

import { RequestError } from "#client/requests.js";
import { isObject } from "#client/stream.js";
import type { Json, JsonObject } from "#client/types.js";
import { messageOf } from "../../data/failures";
import { client } from "../../data/live";
import { draftOf, keepDraft } from "../../document/drafts";
import { inexact } from "../../lib/json/exact.js";
import { wrongIn } from "../../lib/json/faults.js";
import { changesOf, joined, touches } from "../../lib/twin.js";
import { t } from "../../words/words.js";
import type { Device } from "../store";

interface Draft {
  text: string;
  /** The desired state that it is meant for, as its writer has seen it. */
  base: JsonObject;
  version: number;
}

/** What somebody else has made of a path meanwhile. */
export interface Meanwhile {
  path: string[];
  before: Json | undefined;
  after: Json | undefined;
  /** the patch changes it, too */
  isOurs: boolean;
}

const EMPTY = "{\n  \n}";

export class Editor {
  /** null: it is shut. */
  readonly draft;
  readonly busy = signal(false);
  /** Why it was not taken; "": it was not sent, or taken. */
  readonly problem = signal("");
  /** What somebody else changed since it was begun, or since that was looked at. */
  readonly meanwhile = computed<Meanwhile[]>(() => this.#changes());
  #name: string;

  constructor(readonly device: Device) {
    this.#name = `desired ${device.key}`;
    this.draft = signal(draftOf<Draft>(this.#name));
  }

  get isOpen(): boolean {
    return this.draft.value !== null;
  }

  /** Begin a patch, or go on with the one that is there. @param patch  {}: an empty one */
  begin(patch: JsonObject): void {
    const old = this.draft.value;
    if (old && complaint(old.text)) return; // first it is to be put right
    const whole = old ? joined(JSON.parse(old.text), patch) : patch;
    const text = Object.keys(whole).length > 0 ? JSON.stringify(whole, null, 2) : EMPTY;
    this.draft.value = { ...(old ?? this.#present()), text };
    this.problem.value = "";
  }

  /** What is written stays, over other pages and a reload; but what was only opened is nothing yet. */
  write(text: string): void {
    if (this.draft.value) this.draft.value = { ...this.draft.value, text };
    this.#keep();
  }

  /** Give it up. */
  shut(): void {
    this.draft.value = null;
    this.problem.value = "";
    this.#keep();
  }

  /** What somebody else changed was looked at: the patch is meant for that. */
  accept(): void {
    if (this.draft.value) this.draft.value = { ...this.draft.value, ...this.#present() };
    this.problem.value = "";
    this.#keep();
  }

  async submit(): Promise<void> {
    const draft = this.draft.value;
    if (!draft || this.busy.value || complaint(draft.text) || this.meanwhile.value.length > 0) return;
    [this.busy.value, this.problem.value] = [true, ""];
    try {
      const { version } = this.#present(); // nothing but what the writer knows
      await client.desired(this.device.key, JSON.parse(draft.text), { if_version: version });
      this.shut();
    } catch (error) {
      this.problem.value = explained(error);
    }
    this.busy.value = false;
  }

  #keep() {
    keepDraft(this.#name, this.draft.value);
  }

  #present() {
    const twin = this.device.state.value;
    return { base: twin?.desired ?? {}, version: twin?.desired_version ?? 0 };
  }

  #changes(): Meanwhile[] {
    const [draft, twin] = [this.draft.value, this.device.state.value];
    if (!draft || !twin || twin.desired_version === draft.version) return [];
    const patch = complaint(draft.text) ? {} : JSON.parse(draft.text);
    return changesOf(draft.base, twin.desired).map((change) => ({ ...change, isOurs: touches(patch, change.path) }));
  }
}

/** What is wrong with the text of a patch, by line and column; "": nothing. */
export function complaint(text: string): string {
  return wrongIn(text) || (isObject(JSON.parse(text)) ? inexact(text) : t("device.state.object"));
}

function explained(error: unknown): string {
  if (error instanceof RequestError && error.code === "conflict") return t("device.state.conflict");
  return messageOf(error);
}
