import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";
import "./combobox.css";

export interface Option {
  value: string;
  text: string;
  detail?: string;
}

interface Props {
  label: string;
  options: Option[];
  value: string | undefined;
  choose(value: string | undefined): void;
  hint?: string;
  /** Said when nothing fits. */
  none: string;
  /** Told when one was chosen with Enter: the next field may take over. */
  chosen?(): void;
  inputRef?: (input: HTMLInputElement | null) => void;
}

const shownAtOnce = 12;

/** Letters as they are looked for: without case and accents. */
function plain(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
}

/** A field that finds as one types: every word typed must be somewhere in the option (ARIA combobox with a list). */
export function Combobox({ label, options, value, choose, hint, none, chosen, inputRef }: Props) {
  const id = useId();
  const [typed, setTyped] = useState<string>();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const picked = options.find((o) => o.value === value);
  const text = typed ?? picked?.text ?? "";
  const fitting = useMemo(() => {
    const parts = plain(typed ?? "")
      .split(/\s+/)
      .filter(Boolean);
    const fits = (where: string) => {
      const words = plain(where);
      return parts.every((p) => words.includes(p));
    };
    const shown = (o: Option) => `${o.text} ${o.detail ?? ""}`;
    // A name that is not seen is found, too, and never before one that is.
    const seen = new Set(options.filter((o) => fits(shown(o))));
    const hidden = options.filter((o) => !seen.has(o) && fits(`${shown(o)} ${o.value}`));
    return [...seen, ...hidden].slice(0, shownAtOnce);
  }, [options, typed]);

  const take = (o: Option | undefined) => {
    if (!o) return;
    choose(o.value);
    setTyped(undefined);
    setOpen(false);
  };
  const move = (by: number) => {
    setOpen(true);
    const next = Math.max(0, Math.min(fitting.length - 1, open ? at + by : 0));
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const down = (e: KeyboardEvent) => {
    switch (e.key) {
      case "ArrowDown":
        move(1);
        break;
      case "ArrowUp":
        move(-1);
        break;
      case "Enter":
        if (!open) return; // the form's
        if (fitting[at]) {
          take(fitting[at]);
          chosen?.();
        }
        break;
      case "Escape":
        if (!open) return;
        setOpen(false);
        e.stopPropagation();
        break;
      default:
        return;
    }
    e.preventDefault();
  };
  return (
    <div className="combobox">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        ref={inputRef}
        role="combobox"
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={open && fitting[at] ? `${id}-${at}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={hint}
        value={text}
        onChange={(e) => {
          setTyped(e.target.value);
          setAt(0);
          setOpen(true);
          choose(undefined);
        }}
        onFocus={(e) => e.target.select()}
        onBlur={() => {
          setOpen(false);
          setTyped(undefined);
        }}
        onKeyDown={down}
      />
      {open && (
        <div id={`${id}-list`} className="list" role="listbox" aria-label={label} ref={list} tabIndex={-1}>
          {fitting.map((o, k) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field, which keeps the focus (ARIA combobox)
            <div
              key={o.value}
              id={`${id}-${k}`}
              role="option"
              tabIndex={-1}
              aria-selected={k === at}
              onMouseDown={(e) => e.preventDefault()}
              onClick={() => take(o)}
            >
              <b>{o.text}</b> <span>{o.detail}</span>
            </div>
          ))}
          {fitting.length === 0 && (
            <div role="option" tabIndex={-1} aria-selected={false} aria-disabled>
              {none}
            </div>
          )}
        </div>
      )}
    </div>
  );
}
