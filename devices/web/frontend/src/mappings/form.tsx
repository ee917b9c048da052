/** The form of a rule, with what the rule makes of what was heard, as it is written. */

import type { TargetedEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { messageOf } from "../data/failures";
import type { PayloadKind, Previewed, Rule } from "../data/mappings";
import { Dialog } from "../kit/dialog";
import { t } from "../words/words.js";
import { FieldList } from "./fields";
import { Choice, Flag, Input } from "./inputs";
import { Preview } from "./preview";
import { useMappings } from "./store";
import type { Draft } from "./store";
import { faultsOf, numberOfText, textOfWords, wordsOfText } from "./texts";
import type { Faults } from "./texts";

const KINDS: readonly PayloadKind[] = ["number", "text", "json", "pairs", "csv", "senml", "struct"];
const MEMBERS = "site pattern payload device metric label unit scale decimal words fields separator hex enabled".split(" ");
const AFTER_MS = 300; // without a key

/** What of a rule is written as text, and may not be right yet. */
interface Texts {
  scale: string;
  words: string;
}

export function RuleForm({ draft }: { draft: Draft }) {
  const mappings = useMappings();
  const [rule, setRule] = useState(draft.rule);
  const [texts, setTexts] = useState<Texts>({ scale: String(rule.scale), words: textOfWords(rule.words) });
  const [faults, setFaults] = useState<Faults>({});
  const [isSaving, setSaving] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const preview = usePreview(rule, texts, setFaults);
  const submit = async (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    const read = ruleOf(rule, texts);
    let found = read.faults;
    setSaving(true);
    if (Object.keys(found).length === 0)
      found = await mappings.save({ ...draft, rule: read.rule }).then(
        () => ({}),
        (error) => faultsOf(messageOf(error), MEMBERS),
      );
    setFaults(found);
    setSaving(false);
    const wrong = Object.keys(found).find(Boolean);
    (form.current?.elements.namedItem(wrong ?? "") as HTMLElement | null)?.focus?.();
  };
  const title = draft.id === null ? t("mappings.form.new") : t("mappings.form.edit", { pattern: draft.rule.pattern });
  return (
    <Dialog title={title} name="mapping" onClose={() => (mappings.draft.value = null)}>
      <form ref={form} noValidate onSubmit={submit}>
        <Members
          rule={rule}
          texts={texts}
          faults={faults}
          onRule={(changes) => setRule((before) => ({ ...before, ...changes }))}
          onTexts={(changes) => setTexts((before) => ({ ...before, ...changes }))}
        />
        <Preview rule={rule} found={preview} />
        {faults[""] && (
          <p class="error-text" role="alert">
            {faults[""]}
          </p>
        )}
        <p class="kit-buttons">
          <button class="button" type="button" onClick={() => (mappings.draft.value = null)}>
            {t("kit.cancel")}
          </button>
          <button class="button primary" type="submit" disabled={isSaving}>
            {t("mappings.save")}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

interface MembersProps {
  rule: Rule;
  texts: Texts;
  faults: Faults;
  onRule: (changes: Partial<Rule>) => void;
  onTexts: (changes: Partial<Texts>) => void;
}

function Members({ rule, texts, faults, onRule, onTexts }: MembersProps) {
  const { payload, pattern } = rule;
  const isSingle = payload === "number" || payload === "text";
  const levels = pattern.split("/");
  const text = (name: "site" | "pattern" | "device" | "metric" | "label" | "unit" | "separator", hint = "") => ({
    name,
    hint,
    label: t(`mappings.${name}`),
    value: rule[name],
    fault: faults[name],
    onText: (value: string) => onRule({ [name]: value }),
  });
  return (
    <div class="rule-members">
      <Input {...text("pattern", t("mappings.pattern.hint", { open: "{", close: "}" }))} required mono wide />
      <Input {...text("site", t("mappings.site.hint"))} required mono />
      <Choice
        name="payload"
        label={t("mappings.payload")}
        value={payload}
        options={KINDS.map((kind) => [kind, t(`mappings.kind.${kind}`)])}
        fault={faults["payload"]}
        onText={(kind) => onRule({ payload: kind as PayloadKind, ...(kind in { json: 1, pairs: 1 } ? {} : { fields: [] }) })}
      />
      {(!levels.includes("{device}") || rule.device) && <Input {...text("device", t("mappings.device.hint"))} mono />}
      {(!levels.includes("{metric}") || rule.metric) && (
        <Input {...text("metric")} label={t(isSingle ? "mappings.metric" : "mappings.metric.before")} mono />
      )}
      {payload === "number" && <Input {...text("unit")} />}
      {payload === "number" && <Input {...text("label")} />}
      {payload === "number" && (
        <Input
          name="scale"
          label={t("mappings.scale")}
          hint={t("mappings.scale.hint")}
          value={texts.scale}
          fault={faults["scale"]}
          onText={(scale) => onTexts({ scale })}
        />
      )}
      {!["text", "senml", "struct"].includes(payload) && (
        <Choice
          name="decimal"
          label={t("mappings.decimal")}
          value={rule.decimal}
          options={[
            [".", "1,234.5"],
            [",", "1.234,5"],
          ]}
          fault={faults["decimal"]}
          onText={(decimal) => onRule({ decimal })}
        />
      )}
      {(payload === "pairs" || payload === "csv") && <Input {...text("separator")} mono />}
      {payload === "struct" && <Flag name="hex" label={t("mappings.hex")} on={rule.hex} onFlag={(hex) => onRule({ hex })} />}
      {payload !== "senml" && payload !== "struct" && (
        <Input
          name="words"
          label={t("mappings.words")}
          hint={t("mappings.words.hint")}
          value={texts.words}
          fault={faults["words"]}
          lines
          onText={(words) => onTexts({ words })}
        />
      )}
      {!isSingle && payload !== "senml" && (
        <FieldList
          kind={payload}
          fields={rule.fields}
          fault={faults["fields"] ?? ""}
          onFields={(fields) => onRule({ fields })}
        />
      )}
      <Flag name="enabled" label={t("mappings.enabled")} on={rule.enabled} onFlag={(enabled) => onRule({ enabled })} />
    </div>
  );
}

/** The rule as it is written. */
function ruleOf(rule: Rule, { scale, words }: Texts): { rule: Rule; faults: Faults } {
  const [times, means] = [numberOfText(scale), wordsOfText(words)];
  const faults: Faults = {};
  if (times === null) faults["scale"] = t("kit.bad_number");
  if (means === null) faults["words"] = t("mappings.words.bad");
  return { rule: { ...rule, scale: times ?? 1, words: means ?? {} }, faults };
}

/** What the rule makes of what was heard; null: it can't be used, or it is not known yet. The faults are told meanwhile. */
function usePreview(rule: Rule, texts: Texts, tell: (faults: Faults) => void): Previewed[] | null {
  const mappings = useMappings();
  const [found, setFound] = useState<Previewed[] | null>(null);
  useEffect(() => {
    let isOld = false;
    const ask = async () => {
      const read = ruleOf(rule, texts);
      if (!rule.pattern) return;
      const answer = await mappings.preview(read.rule).catch((error) => faultsOf(messageOf(error), MEMBERS));
      if (isOld) return;
      setFound(Array.isArray(answer) ? answer : null);
      tell({ ...(Array.isArray(answer) ? {} : answer), ...read.faults });
    };
    const timer = setTimeout(ask, AFTER_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [rule, texts]);
  return found;
}
