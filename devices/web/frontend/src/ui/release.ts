/**
 * Lets go of what was on the page before.
 *
 * A component that renders itself anew (because a signal has changed) leaves its former virtual node where the component
 * around it has put it: among the children that that has returned, and those stay until it renders anew itself, which it
 * may never. The former node leads to its children; one of them that did not have to render shares its own with its
 * successor, and these name that as what they are in; and so on, node by node, to the present. So all that ever was on the
 * page stays in memory: of a wall's fleet some GB a day. Without its children a former node leads nowhere.
 */

import { options } from "preact";
import type { VNode } from "preact";

/** What Preact calls them in its build (docs/private-apis.md). */
interface Node extends VNode {
  /** the component's instance */
  __c?: object | null;
  /** children */
  __k?: unknown;
}

const latest = new WeakMap<object, Node>();
let former: Node[] = [];
const { diffed } = options;

options.diffed = (vnode: Node) => {
  diffed?.(vnode);
  const component = vnode.__c;
  if (!component) return;
  const before = latest.get(component);
  latest.set(component, vnode);
  if (!before || before === vnode) return;
  if (former.length === 0) queueMicrotask(release); // Preact still looks at it until all is rendered
  former.push(before);
};

function release() {
  for (const node of former) node.__k = null;
  former = [];
}
