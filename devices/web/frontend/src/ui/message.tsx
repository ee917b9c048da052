/** A line across the page: what is wrong, and what can be done about it. */

import type { ComponentChildren } from "preact";

import { Icon } from "./icons";

interface MessageProps {
  heading: string;
  text: string;
  bad?: boolean;
  children?: ComponentChildren;
}

export function Message({ heading, text, bad = false, children }: MessageProps) {
  return (
    <div class={`banner ${bad ? "bad" : ""}`}>
      <Icon name="warning" />
      <p>
        <strong>{heading}</strong> {text}
      </p>
      {children}
    </div>
  );
}
