import { type ReactNode, useEffect, useId, useRef } from "react";
import type { Dictionary } from "./words";
import { useWords } from "./words";
import "./dialog.css";

const en = { close: "Close" };
const words: Dictionary<typeof en> = { en, fr: { close: "Fermer" } };

/** A dialog over the page: it keeps the focus, and Escape ends it. */
export function Dialog({
  title,
  close,
  children,
  wide,
}: {
  title: string;
  close(): void;
  children: ReactNode;
  wide?: boolean;
}) {
  const w = useWords(words);
  const id = useId();
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    // A form is written into at once; anything else waits for a key, and none of its buttons may be pressed by chance.
    (dialog?.querySelector<HTMLElement>("form :is(input, select, textarea)") ?? dialog)?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      tabIndex={-1}
      className={wide ? "wide" : undefined}
      onCancel={(e) => {
        e.preventDefault();
        close();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" className="quiet" aria-label={w.close} onClick={close}>
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}
