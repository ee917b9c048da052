/**
 * What each document needs anyway, imported by every bundle (build.mjs): so it is one file. Else esbuild makes one for each combination of bundles
 * that share a module, and a page asks for twenty before it can show anything.
 */

import "preact";
import "preact/hooks";
import "preact/jsx-runtime";
import "@preact/signals";
import "./data/causeway";
import "./data/live";
import "./data/reports";
import "./data/rest";
import "./data/trouble";
import "./document/address";
import "./document/places";
import "./document/registry";
import "./document/styles";
import "./document/title";
import "./kit/dialog";
import "./lib/chain.js";
import "./lib/device_list.js";
import "./lib/format.js";
import "./lib/series.js";
import "./ui/boundary";
import "./ui/icons";
import "./ui/message";
import "./ui/presence";
import "./ui/theme";
import "./words/words.js";
