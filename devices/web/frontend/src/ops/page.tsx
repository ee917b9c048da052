/** The operations page: where every message went, what is up, what may be missing. */

import { useLayoutEffect } from "preact/hooks";

import { useKept } from "../data/causeway";
import { registerPage } from "../document/registry";
import { Boundary } from "../ui/boundary";
import { Message } from "../ui/message";
import { t } from "../words/words.js";
import { ChainPanel } from "./chain";
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
  const { overview, problem } = useOperations();
  if (!overview.value)
    return problem.value ? (
      <div class="blank">
        <p class="error-text">{problem.value}</p>
      </div>
    ) : (
      <div class="blank" aria-busy="true">
        {t("ops.asking")}
      </div>
    );
  return (
    <>
      <h1 class="hidden-text">{t("ops.title")}</h1>
      {problem.value && (
        <div class="ops-problem">
          <Message
            heading={t("ops.problem")}
            text={t("ops.problem.text", { why: problem.value })}
            bad
          />
        </div>
      )}
      <div class={`ops ${problem.value ? "old" : ""}`}>
        <Boundary name="Where every message went">
          <LedgerPanel overview={overview.value} />
        </Boundary>
        <Boundary name="The chain">
          <ChainPanel overview={overview.value} />
        </Boundary>
        <Boundary name="Incidents">
          <IncidentsPanel overview={overview.value} />
        </Boundary>
        <Boundary name="Quarantine">
          <QuarantinePanel kept={overview.value.quarantine} />
        </Boundary>
        <Boundary name="Rejected">
          <RejectedPanel />
        </Boundary>
      </div>
    </>
  );
}
