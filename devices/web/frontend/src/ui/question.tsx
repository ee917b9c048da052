/** A question that has to be answered before anything else: modal, so that no further click or key does anything. */

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

import { t } from "../words/words.js";

interface QuestionProps {
  /** of the title's element */
  id: string;
  title: ComponentChildren;
  /** what the button says that does it */
  yes: string;
  /** called once */
  onAnswer: (yes: boolean) => void;
  children?: ComponentChildren;
}

/** Cancel has the focus; Escape is a no. */
export function Question({ id, title, yes, onAnswer, children }: QuestionProps) {
  const answered = useRef(false);
  const answer = (value: boolean) => () => {
    if (answered.current) return;
    answered.current = true;
    onAnswer(value);
  };
  return (
    <dialog
      class="confirmation"
      aria-labelledby={id}
      onClose={answer(false)}
      ref={(dialog) => {
        if (dialog && !dialog.open) dialog.showModal();
      }}
    >
      <h3 id={id}>{title}</h3>
      {children}
      <p class="editor-end">
        <button class="button" autofocus onClick={answer(false)}>
          {t("kit.cancel")}
        </button>
        <button class="button danger" onClick={answer(true)}>
          {yes}
        </button>
      </p>
    </dialog>
  );
}
