/** The list of rules: edit one, delete one, write a new one. */

import { useState } from "preact/hooks";

import type { Mapping } from "../data/mappings";
import { Badge } from "../kit/badge";
import { Confirm } from "../kit/dialog";
import { Panel } from "../kit/panel";
import { Empty, Loading, NotLoaded } from "../kit/states";
import { t } from "../words/words.js";
import { useMappings } from "./store";

export function RulesPanel() {
  const mappings = useMappings();
  const add = (
    <button class="button" type="button" onClick={() => mappings.write()}>
      {t("mappings.new")}
    </button>
  );
  return (
    <Panel title={t("mappings.rules")} name="rules" head={add}>
      <Rules />
    </Panel>
  );
}

function Rules() {
  const mappings = useMappings();
  const [leaving, setLeaving] = useState<Mapping | null>(null);
  const [rules, problem] = [mappings.rules.value, mappings.problem.value];
  const answered = (yes: boolean) => {
    if (yes && leaving) mappings.remove(leaving);
    setLeaving(null);
  };
  if (problem) return <NotLoaded why={problem} onRetry={() => mappings.load()} />;
  if (rules === null) return <Loading />;
  return (
    <>
      {rules.length === 0 ? <Empty>{t("mappings.none")}</Empty> : <RuleTable rules={rules} onDelete={setLeaving} />}
      {leaving && (
        <Confirm
          title={t("mappings.delete.title", { pattern: leaving.pattern })}
          yes={t("mappings.delete")}
          onAnswer={answered}
        >
          <p>{t("mappings.delete.text")}</p>
        </Confirm>
      )}
    </>
  );
}

function RuleTable({ rules, onDelete }: { rules: Mapping[]; onDelete: (rule: Mapping) => void }) {
  return (
    <table class="ops-table stacks" aria-label={t("mappings.rules")}>
      <thead>
        <tr>
          <th>{t("mappings.pattern")}</th>
          <th>{t("mappings.site")}</th>
          <th>{t("mappings.payload")}</th>
          <th>
            <span class="hidden-text">{t("mappings.edit")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rules.map((rule) => (
          <Row key={rule.id} rule={rule} onDelete={() => onDelete(rule)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ rule, onDelete }: { rule: Mapping; onDelete: () => void }) {
  const mappings = useMappings();
  const { pattern, site, device, payload, unit, enabled } = rule;
  return (
    <tr>
      <td class="mono">{pattern}</td>
      <td class="mono">{device ? `${site}/${device}` : site}</td>
      <td>
        {t(`mappings.kind.${payload}`)} {unit && <span class="muted">{unit}</span>}{" "}
        {!enabled && <Badge>{t("mappings.off")}</Badge>}
      </td>
      <td class="actions">
        <button
          class="button small"
          type="button"
          aria-label={t("mappings.edit.of", { pattern })}
          onClick={() => mappings.edit(rule)}
        >
          {t("mappings.edit")}
        </button>
        <button class="button small" type="button" aria-label={t("mappings.delete.of", { pattern })} onClick={onDelete}>
          {t("mappings.delete")}
        </button>
      </td>
    </tr>
  );
}
