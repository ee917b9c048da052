/**
 * Dialogs: modal, closed by Escape, with the focus where it was before when they go. They go with the key (`cancel`): the
 * browser says `close` a moment later, when the next key may have opened another one.
 */

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

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
  const isClosed = useRef(false);
  useLayoutEffect(() => {
    const [shown, before] = [dialog.current, document.activeElement];
    shown?.showModal(); // before the next key, which is meant for it
    return () => {
      isClosed.current = true;
      shown?.close(); // what stands behind it takes no focus before
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const close = () => {
    if (isClosed.current) return;
    isClosed.current = true;
    onClose();
  };
  return (
    <dialog ref={dialog} class={`kit-dialog ${name}`} aria-labelledby={id} onCancel={close} onClose={close}>
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
