/** The page of mappings: how foreign topics are read, and hearing what is on the broker to make more of them. */

import { useLayoutEffect } from "preact/hooks";

import { useKept } from "../data/causeway";
import { registerPage } from "../document/registry";
import { ToastList } from "../kit/toast";
import { Boundary } from "../ui/boundary";
import { t } from "../words/words.js";
import { RuleForm } from "./form";
import { ListenPanel } from "./listen";
import { RulesPanel } from "./rules";
import { Mappings, MappingsContext, useMappings } from "./store";

const LINGER_MS = 20_000;

registerPage("mappings", { component: MappingsPage });

function MappingsPage() {
  const mappings = useKept("mappings", () => new Mappings(), LINGER_MS);
  useLayoutEffect(() => mappings.followAddress(), [mappings]);
  return (
    <MappingsContext.Provider value={mappings}>
      <h1 class="hidden-text">{t("mappings.title")}</h1>
      <div class="mappings">
        <Boundary name="Mappings">
          <RulesPanel />
        </Boundary>
        <Boundary name="Listen">
          <ListenPanel />
        </Boundary>
      </div>
      <OpenForm />
      <ToastList toasts={mappings.toasts} />
    </MappingsContext.Provider>
  );
}

function OpenForm() {
  const draft = useMappings().draft.value;
  return draft && <RuleForm draft={draft} />;
}
