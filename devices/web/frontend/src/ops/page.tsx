/** The operations page: where every message went, what is up, what may be missing. */

import { useEffect, useState } from "preact/hooks";

import { Message } from "../shell/frame";
import { t } from "../words/words.js";
import { ChainPanel } from "./chain";
import { IncidentsPanel } from "./incidents";
import { LedgerPanel } from "./ledger";
import { QuarantinePanel } from "./quarantine";
import { RejectedPanel } from "./rejected";
import { Operations, OperationsContext, useOperations } from "./store";

export default function OperationsPage() {
  const [operations] = useState(
    () => new Operations(new URLSearchParams(location.search).get("device") ?? ""),
  );
  useEffect(() => () => operations.close(), [operations]);
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
        <LedgerPanel overview={overview.value} />
        <ChainPanel overview={overview.value} />
        <IncidentsPanel overview={overview.value} />
        <QuarantinePanel kept={overview.value.quarantine} />
        <RejectedPanel />
      </div>
    </>
  );
}
