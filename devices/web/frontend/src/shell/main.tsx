/** Runs in every document. */

import "../ui/release";
import { report } from "../data/reports";
import { startChrome } from "./chrome";
import { start } from "./shell";

addEventListener("error", (event) => event.error && report(event.error));
addEventListener("unhandledrejection", (event) => report(event.reason));
start();
startChrome();
