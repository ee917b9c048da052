/** What the tables of refused messages have in their cells. */

const SHOWN_CHARS = 160;

/** Its name in the protocol, and what it says of this message. */
export function Reason({ reason, detail }: { reason: string; detail: string }) {
  return (
    <>
      <code>{reason}</code>
      {detail && <div class="muted">{detail}</div>}
    </>
  );
}

/** The beginning of a payload. */
export function Payload({ text, title }: { text: string; title?: string }) {
  return (
    <code class="payload" title={title}>
      {text.slice(0, SHOWN_CHARS)}
      {text.length > SHOWN_CHARS && "…"}
    </code>
  );
}
