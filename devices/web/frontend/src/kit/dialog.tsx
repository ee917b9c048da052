/** Dialogs: modal, closed by Escape, with the focus where it was before when they go. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { t } from "../words/words.js";

interface DialogProps {
  title: ComponentChildren;
  name?: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, name = "", onClose, children }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return (
    <dialog ref={dialog} class={`kit-dialog ${name}`} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: ComponentChildren;
  /** what the button says that does it */
  yes: string;
  /** called once */
  onAnswer: (yes: boolean) => void;
  children?: ComponentChildren;
}

/** A question that is answered once. Cancel has the focus; Escape is a no. */
export function Confirm({ title, yes, onAnswer, children }: ConfirmProps) {
  const isAnswered = useRef(false);
  const answer = (value: boolean) => () => {
    if (isAnswered.current) return;
    isAnswered.current = true;
    onAnswer(value);
  };
  return (
    <Dialog title={title} onClose={answer(false)}>
      {children}
      <p class="kit-buttons">
        <button class="button" type="button" autofocus onClick={answer(false)}>
          {t("kit.cancel")}
        </button>
        <button class="button danger" type="button" onClick={answer(true)}>
          {yes}
        </button>
      </p>
    </Dialog>
  );
}
