/** What the page of mappings knows: the rules, what somebody listens to, and the rule whose form is open. */

import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { messageOf } from "../data/failures";
import {
  deleteMapping,
  getListening,
  getMappings,
  getSites,
  listen,
  previewMapping,
  saveMapping,
} from "../data/mappings";
import type { HeardTopic, Listening, Mapping, Previewed, Rule } from "../data/mappings";
import { tell, whileShown } from "../document/address";
import { Toasts } from "../kit/toast";
import { t } from "../words/words.js";
import { EMPTY, guess, matches } from "./guess";

const EVERY_MS = 1_000;
const PREVIEWED = 50; // messages
export const FIRST_FILTER = "#";

/** A rule that is being written. */
export interface Draft {
  rule: Rule;
  /** null: a new one */
  id: number | null;
}

export class Mappings {
  /** null: not known yet. */
  readonly rules = signal<Mapping[] | null>(null);
  /** Why the rules are missing; "" when they are not. */
  readonly problem = signal("");
  /** null: nobody listens. */
  readonly listening = signal<Listening | null>(null);
  readonly listenProblem = signal("");
  readonly draft = signal<Draft | null>(null);
  /** Those that are known, the likeliest for a new rule first. */
  readonly sites = signal<string[]>([]);
  readonly toasts = new Toasts();

  #devicesSites: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor() {
    this.load();
    this.#findSites();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Show the listening that the address names. @returns stops it */
  followAddress(): () => void {
    return whileShown((address) => {
      const id = Number(address.get("listen"));
      if (id > 0 && id !== this.listening.peek()?.id) this.#hear(id);
    });
  }

  async load(): Promise<void> {
    try {
      this.rules.value = await getMappings();
      this.problem.value = "";
    } catch (error) {
      this.problem.value = messageOf(error);
    }
    this.#rankSites();
  }

  /** @throws {Error} why not, as the server says */
  async listen(filter: string, minutes: number): Promise<void> {
    clearTimeout(this.#timer);
    const begun = await listen(filter, minutes);
    this.listening.value = begun;
    this.listenProblem.value = "";
    tell({ listen: String(begun.id) });
    this.#later(begun);
  }

  /** Open the form, with what a topic that was heard suggests. */
  make(heard: HeardTopic): void {
    this.draft.value = { rule: guess(heard, this.sites.peek()), id: null };
  }

  write(): void {
    this.draft.value = { rule: { ...EMPTY, site: this.sites.peek()[0] ?? "" }, id: null };
  }

  edit(mapping: Mapping): void {
    const { id, created_by: _by, created_at: _at, ...rule } = mapping;
    this.draft.value = { rule, id };
  }

  /** @throws {Error} why it can't be used, as the server says */
  preview(rule: Rule): Promise<Previewed[]> {
    const heard = this.listening.peek()?.items ?? [];
    return previewMapping(rule, heard.length > 0 ? heard.filter(({ topic }) => matches(rule.pattern, topic)).slice(0, PREVIEWED) : null);
  }

  /** Keep it, and close its form. @throws {Error} why not, as the server says */
  async save({ rule, id }: Draft): Promise<void> {
    await saveMapping(rule, id);
    this.draft.value = null;
    this.toasts.tell(t("mappings.saved", { pattern: rule.pattern }), "ok");
    await this.load();
  }

  async remove({ id, pattern }: Mapping): Promise<void> {
    try {
      await deleteMapping(id);
      this.toasts.tell(t("mappings.deleted", { pattern }), "ok");
    } catch (error) {
      this.toasts.tell(t("mappings.failed", { why: messageOf(error) }), "bad");
    }
    await this.load();
  }

  async #hear(id: number) {
    clearTimeout(this.#timer);
    try {
      this.listening.value = await getListening(id);
      this.listenProblem.value = "";
    } catch (error) {
      this.listenProblem.value = messageOf(error);
    }
    const now = this.listening.peek();
    if (now?.id === id) this.#later(now);
  }

  #later({ id, status }: Listening) {
    const goesOn = status === "waiting" || status === "listening";
    if (goesOn && !this.#isClosed) this.#timer = setTimeout(() => this.#hear(id), EVERY_MS);
  }

  async #findSites() {
    this.#devicesSites = await getSites().catch(() => []); // they are suggestions only
    this.#rankSites();
  }

  #rankSites() {
    const used = [...(this.rules.peek() ?? [])].reverse().map(({ site }) => site);
    this.sites.value = [...new Set([...used, ...this.#devicesSites])];
  }
}

export const MappingsContext = createContext<Mappings | null>(null);

/** What the page of mappings around knows. */
export function useMappings(): Mappings {
  const mappings = useContext(MappingsContext);
  if (!mappings) throw new Error("not inside a MappingsContext");
  return mappings;
}
