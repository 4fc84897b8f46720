import { type ReactNode, useEffect, useId, useRef } from "react";
import { type Raise, SosBar } from "./SosBar";
import { useSettled } from "./settle";

interface Props {
  title: string;
  children: ReactNode;
  /** On the one button, which closes it. */
  close: string;
  onClose: () => void;
  onRaise: Raise;
  /** The name of what came without being asked for: it takes no press before somebody can have read it, and no Escape. */
  unasked?: string;
  className?: string;
  testId: string;
}

/** The whole screen for one thing, but for the SOS: nothing may cover that. */
export function Sheet({ title, children, close, onClose, onRaise, unasked, className = "", testId }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const settled = useSettled(unasked ?? "");
  const ready = unasked === undefined || settled;
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`sheet ${className}`}
      aria-labelledby={heading}
      data-testid={testId}
      onCancel={(e) => {
        e.preventDefault();
        if (unasked === undefined) onClose();
      }}
    >
      <div className="sheet-body">
        <h1 id={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
      <div className="foot">
        <button
          type="button"
          className={unasked === undefined ? "big" : "big primary"}
          data-testid="close"
          aria-disabled={!ready}
          onClick={() => ready && onClose()}
        >
          {close}
        </button>
        <SosBar onRaise={onRaise} />
      </div>
    </dialog>
  );
}
