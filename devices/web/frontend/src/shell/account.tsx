/** In the account's menu: theme, language and time zone, kept per user. */

import type { ComponentChildren, TargetedEvent } from "preact";
import { useState } from "preact/hooks";

import { messageOf } from "../data/failures";
import { keepPreferences } from "../data/rest";
import { page } from "../document/page";
import type { Preferences } from "../document/page";
import { setTheme } from "../ui/theme";
import { t } from "../words/words.js";

const THEMES = ["system", "light", "dark"] as const;
const LANGUAGES: [code: "en" | "de", name: string][] = [
  ["en", "English"],
  ["de", "Deutsch"],
];

export function PreferencesForm() {
  const [problem, setProblem] = useState("");
  const keep = async (changes: Partial<Preferences>) => {
    try {
      page.preferences = await keepPreferences(changes);
      if (changes.theme) setTheme(changes.theme);
      else location.reload(); // all that is shown is in the other language or zone
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  const { theme, language, time_zone } = page.preferences;
  return (
    <>
      <Choice label={t("account.theme")} value={theme} onChoose={(chosen) => keep({ theme: chosen as Preferences["theme"] })}>
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {t(`account.theme.${one}`)}
          </option>
        ))}
      </Choice>
      <Choice
        label={t("account.language")}
        value={language ?? ""}
        onChoose={(chosen) => keep({ language: (chosen || null) as Preferences["language"] })}
      >
        <option value="">{t("account.language.browser")}</option>
        {LANGUAGES.map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </Choice>
      <Choice
        label={t("account.zone")}
        value={time_zone ?? ""}
        onChoose={(chosen) => keep({ time_zone: chosen || null })}
      >
        <option value="">{t("account.zone.browser", { zone: browsersZone() })}</option>
        {zones(time_zone).map((name) => (
          <option key={name} value={name}>
            {name.replaceAll("_", " ")}
          </option>
        ))}
      </Choice>
      {problem && (
        <p class="error-text" role="alert">
          {t("account.failed", { why: problem })}
        </p>
      )}
    </>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  children: ComponentChildren;
}

function Choice({ label, value, onChoose, children }: ChoiceProps) {
  return (
    <label class="choice">
      <span>{label}</span>
      <select
        class="select"
        value={value}
        onChange={(event: TargetedEvent<HTMLSelectElement>) => onChoose(event.currentTarget.value)}
      >
        {children}
      </select>
    </label>
  );
}

function browsersZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** All that the browser knows, and the one that is chosen. */
function zones(chosen: string | null): string[] {
  const known = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((name) => name !== "UTC")];
  return chosen && !known.includes(chosen) ? [chosen, ...known] : known;
}
