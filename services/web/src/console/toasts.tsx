// What became of what was asked, said once and in words. What went through is said quietly and goes away; what did not stays
// until somebody has read it.

import { useCallback, useRef, useState } from "react";
import type { RoomBoard } from "../board/room";
import type { Outcome } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Asked } from "../socket/watch";
import { useRefusal } from "../ui/labels";
import { useWords } from "../ui/words";
import { words } from "./words";

export interface Toast {
  id: number;
  kind: "done" | "waiting" | "bad";
  text: string;
}

const waitingAfter = 700;
const doneFor = 2_500;
const most = 5;

export function useAsk(board: RoomBoard) {
  const w = useWords(words);
  const why = useRefusal();
  const [toasts, setToasts] = useState<Toast[]>([]);
  const next = useRef(0);

  const dismiss = useCallback((id: number) => setToasts((all) => all.filter((t) => t.id !== id)), []);

  const say = useCallback((id: number, kind: Toast["kind"], text: string) => {
    setToasts((all) => [...all.filter((t) => t.id !== id), { id, kind, text }].slice(-most));
  }, []);

  const ask = useCallback(
    async (asked: Asked, what: string): Promise<Outcome> => {
      const id = next.current++;
      const slow = setTimeout(() => say(id, "waiting", w.waiting(what)), waitingAfter);
      try {
        const outcome = await board.watch.command(asked);
        const done = outcome.outcome === "done";
        say(id, done ? "done" : "bad", done ? w.done(what) : w.not_done(what, why(outcome)));
        if (done) setTimeout(() => dismiss(id), doneFor);
        return outcome;
      } catch (error) {
        say(id, "bad", w.link_lost(what));
        throw error;
      } finally {
        clearTimeout(slow);
      }
    },
    [board, say, dismiss, w, why],
  );
  return { ask, toasts, dismiss };
}

export function Toasts({ toasts, dismiss }: { toasts: Toast[]; dismiss(id: number): void }) {
  const w = useWords(words);
  return (
    <div className="toasts" role="log" aria-live="assertive">
      {toasts.map((t) => (
        <div key={t.id} className={`toast ${t.kind}`}>
          <span>{t.text}</span>
          {t.kind === "bad" && (
            <button type="button" onClick={() => dismiss(t.id)}>
              {w.give_up}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
