/** Promised to other people's pages: JSX without a compiler, `htm` bound to Preact. Causeway's own are TSX. */

import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
