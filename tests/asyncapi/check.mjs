/**
 * Reads an AsyncAPI document from its standard input with AsyncAPI's own parser and says what is wrong with it, a line each.
 *
 *     node tests/asyncapi/check.mjs .venv/asyncapi <asyncapi.json
 *
 * The folder is the one in which the parser is installed, as package.json here says.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder = "."] = process.argv.slice(2);
const { Parser } = createRequire(resolve(folder, "package.json"))("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));

const WORTH_SAYING = ["error", "warning"]; // of severities 0, 1, 2 (information), 3 (hint)
for (const { severity, path, message } of diagnostics) {
  if (WORTH_SAYING[severity]) console.log(`${WORTH_SAYING[severity]}: ${path.join(".")}: ${message}`);
}
const operations = document?.allOperations().all() ?? [];
const messages = document?.allMessages().all() ?? [];
console.log(`${operations.length} operations, ${messages.length} messages`);
