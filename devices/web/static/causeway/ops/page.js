/** The operations page: where every message went, what is up, what may be missing. */

import { Icon } from "../ui/icons.js";
import { show } from "../ui/frame.js";
import { html } from "../ui/html.js";
import { ChainPanel } from "./chain.js";
import { IncidentsPanel } from "./incidents.js";
import { LedgerPanel } from "./ledger.js";
import { QuarantinePanel } from "./quarantine.js";
import { RejectedPanel } from "./rejected.js";
import { overview, problem, start } from "./store.js";

function Operations() {
  if (!overview.value)
    return problem.value
      ? html`<div class="blank"><p class="error-text">${problem.value}</p></div>`
      : html`<div class="blank" aria-busy="true">Asking the server…</div>`;
  return html`<h1 class="hidden-text">Operations</h1>
    ${
      problem.value &&
      html`<div class="banner bad ops-problem"><${Icon} name="warning" />
        <p><strong>No news from the server.</strong> ${problem.value} What is shown is older.</p></div>`
    }
    <div class=${`ops ${problem.value ? "old" : ""}`}>
      <${LedgerPanel} /><${ChainPanel} /><${IncidentsPanel} /><${QuarantinePanel} /><${RejectedPanel} />
    </div>`;
}

show(html`<${Operations} />`);
start();
