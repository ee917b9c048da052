/** What a rule makes of what was heard, before it is saved. */

import type { Previewed, Rule } from "../data/mappings";
import { formatJson, formatValue } from "../lib/format.js";
import { t } from "../words/words.js";

const SHOWN = 20;

/** @param found  null: the rule can't be used as it stands, or it is not known yet */
export function Preview({ rule, found }: { rule: Rule; found: Previewed[] | null }) {
  return (
    <section class="rule-preview" aria-live="polite">
      <h3>{t("mappings.preview")}</h3>
      {found === null || found.length === 0 ? (
        <p class="muted">{t(found === null ? "mappings.preview.bad" : "mappings.preview.none")}</p>
      ) : (
        <table class="ops-table stacks">
          <thead>
            <tr>
              <th>{t("mappings.preview.topic")}</th>
              <th>{t("mappings.preview.device")}</th>
              <th>{t("mappings.preview.values")}</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, SHOWN).map((one) => (
              <tr key={one.topic}>
                <td class="mono">{one.topic}</td>
                <td class="mono">{one.device}</td>
                <td>
                  <Values rule={rule} one={one} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Values({ rule, one: { metrics, reason, detail } }: { rule: Rule; one: Previewed }) {
  if (!metrics)
    return (
      <span class="error-text">
        <code>{reason}</code> {detail}
      </span>
    );
  const unitOf = (name: string) =>
    rule.payload === "number" ? rule.unit : rule.fields.find(({ metric }) => name === metric || name.endsWith(`.${metric}`))?.unit;
  return (
    <dl class="rule-values">
      {Object.entries(metrics).map(([name, value]) => (
        <div key={name}>
          <dt class="mono">{name}</dt>
          <dd>
            {typeof value === "object" && value !== null ? formatJson(value) : formatValue(value)} {unitOf(name)}
          </dd>
        </div>
      ))}
    </dl>
  );
}
