import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useRef,
  useState,
} from "react";
import { useWords } from "../ui/words";
import { words } from "./words";

const holdFor = 1_500;
/** An activation that no hold is possible with (a screen reader's, a switch's) counts when it comes twice within this. */
const againWithin = 5_000;

interface Props {
  onHeld: () => void;
  className?: string;
  children: ReactNode;
  /** What a screen reader says, where the text on the button is not enough. */
  label?: string;
  testId?: string;
}

/** A button that has to be held: by a finger, or by Space or Enter. Its progress is shown, also where motion is reduced. */
export function Hold({ onHeld, className = "", children, label, testId }: Props) {
  const w = useWords(words);
  const [progress, setProgress] = useState(0);
  const [armed, setArmed] = useState(false);
  const begun = useRef<number | undefined>(undefined);
  const held = useRef(onHeld);
  held.current = onHeld;

  const holding = progress > 0;
  useEffect(() => {
    if (!holding) return;
    let frame = requestAnimationFrame(function draw() {
      if (begun.current === undefined) return;
      const part = (performance.now() - begun.current) / holdFor;
      if (part < 1) {
        setProgress(Math.max(part, 0.01));
        frame = requestAnimationFrame(draw);
        return;
      }
      begun.current = undefined;
      setProgress(0);
      held.current();
    });
    return () => cancelAnimationFrame(frame);
  }, [holding]);

  useEffect(() => {
    if (!armed) return;
    const timer = setTimeout(() => setArmed(false), againWithin);
    return () => clearTimeout(timer);
  }, [armed]);

  function begin() {
    if (begun.current !== undefined) return;
    begun.current = performance.now();
    setProgress(0.01);
  }

  function end() {
    begun.current = undefined;
    setProgress(0);
  }

  function down(e: PointerEvent<HTMLButtonElement>) {
    if (e.button !== 0) return;
    // A thumb in a glove rolls: the hold goes on outside the button.
    e.currentTarget.setPointerCapture(e.pointerId);
    begin();
  }

  const isKey = (e: KeyboardEvent) => e.key === " " || e.key === "Enter";

  function keyDown(e: KeyboardEvent) {
    if (!isKey(e)) return;
    e.preventDefault();
    if (!e.repeat) begin();
  }

  function keyUp(e: KeyboardEvent) {
    if (!isKey(e)) return;
    e.preventDefault();
    end();
  }

  function click(e: MouseEvent) {
    if (e.detail !== 0) return; // of a pointer, which can hold
    if (armed) held.current();
    setArmed(!armed);
  }

  return (
    <button
      type="button"
      className={`hold ${className}`}
      aria-label={label}
      data-testid={testId}
      data-holding={holding || undefined}
      onPointerDown={down}
      onPointerUp={end}
      onPointerCancel={end}
      onContextMenu={(e) => e.preventDefault()}
      onKeyDown={keyDown}
      onKeyUp={keyUp}
      onBlur={end}
      onClick={click}
    >
      <span className="hold-progress" style={{ transform: `scaleX(${progress})` }} />
      <span className="hold-text">
        {children}
        <small>{armed ? w.again : holding ? w.keepHolding : w.hold}</small>
      </span>
    </button>
  );
}
