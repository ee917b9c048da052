/** The operations page: where every message went, what is up, what may be missing. */

import { useLayoutEffect } from "preact/hooks";

import { useKept } from "../data/causeway";
import { useTrouble } from "../data/trouble";
import { registerPage } from "../document/registry";
import { Loading, NotLoaded } from "../kit/states";
import { Boundary } from "../ui/boundary";
import { t } from "../words/words.js";
import { ChainPanel } from "./chain";
import { HandlersPanel } from "./handlers";
import { IncidentsPanel } from "./incidents";
import { LedgerPanel } from "./ledger";
import { QuarantinePanel } from "./quarantine";
import { RejectedPanel } from "./rejected";
import { Operations, OperationsContext, useOperations } from "./store";

const LINGER_MS = 20_000; // it asks every two seconds, also then

registerPage("ops", { component: OperationsPage });

function OperationsPage() {
  const operations = useKept("ops", () => new Operations(), LINGER_MS);
  useLayoutEffect(() => operations.followAddress(), [operations]);
  return (
    <OperationsContext.Provider value={operations}>
      <Content />
    </OperationsContext.Provider>
  );
}

function Content() {
  const { overview, problem, handlers } = useOperations();
  const isKnown = overview.value !== null;
  useTrouble(t("ops.problem"), isKnown && problem.value ? t("ops.problem.text", { why: problem.value }) : "");
  if (!overview.value) return problem.value ? <NotLoaded why={problem.value} /> : <Loading />;
  return (
    <>
      <h1 class="hidden-text">{t("ops.title")}</h1>
      <div class={`ops ${problem.value ? "old" : ""}`}>
        <Boundary name={t("ledger.title")}>
          <LedgerPanel overview={overview.value} />
        </Boundary>
        <Boundary name={t("chain.title")}>
          <ChainPanel overview={overview.value} />
        </Boundary>
        <Boundary name={t("incidents.title")}>
          <IncidentsPanel overview={overview.value} />
        </Boundary>
        <Boundary name={t("handlers.title")}>
          <HandlersPanel handlers={handlers} />
        </Boundary>
        <Boundary name={t("quarantine.title")}>
          <QuarantinePanel kept={overview.value.quarantine} />
        </Boundary>
        <Boundary name={t("rejected.title")}>
          <RejectedPanel />
        </Boundary>
      </div>
    </>
  );
}
