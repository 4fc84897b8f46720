import { type ReactNode, useEffect, useId, useRef } from "react";

interface Props {
  title: string;
  children: ReactNode;
  /** What stays at the bottom, the SOS among it: nothing may cover that. */
  foot: ReactNode;
  onClose?: () => void;
  className?: string;
  testId?: string;
}

/** The whole screen for one thing. */
export function Sheet({ title, children, foot, onClose, className = "", testId }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
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
        onClose?.();
      }}
    >
      <div className="sheet-body">
        <h1 id={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
      <div className="foot">{foot}</div>
    </dialog>
  );
}
