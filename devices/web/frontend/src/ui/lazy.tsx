/** A component whose code is loaded when it is first shown. */

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { messageOf } from "../data/failures";

/** @param load  the component @returns it, or why it could not be loaded */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  return function Lazy(props: P) {
    const content = useSignal<{ Content?: ComponentType<P>; error?: string }>({});
    useEffect(() => {
      load().then(
        (Content) => (content.value = { Content }),
        (problem) => (content.value = { error: messageOf(problem) }),
      );
    }, []);
    const { Content, error } = content.value;
    if (error !== undefined) return <p class="blank error-text">{error}</p>;
    return Content ? <Content {...props} /> : null;
  };
}
