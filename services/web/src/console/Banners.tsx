import type { ReactNode } from "react";
import type { Sessions } from "../session/session";
import { clock, span, useNow } from "../ui/time";
import { useWords } from "../ui/words";
import { useBoard, useDesk } from "./desk";
import { useStale } from "./stale";
import { words } from "./words";

/** All of a console. What may be old does not look fresh. */
export function Sheet({ children }: { children: ReactNode }) {
  const stale = useStale();
  return (
    <div className="console" data-stale={stale}>
      {children}
    </div>
  );
}

/** Says in red why what is shown may be old, and what to do meanwhile. */
export function Banners({ sessions }: { sessions: Sessions }) {
  const w = useWords(words);
  const { room, board } = useDesk();
  const halted = useBoard((s) => s.halted);
  const logHeard = useBoard((s) => s.logHeard);
  const stale = useStale();
  const now = useNow();
  const { heard } = board.watch.link;
  switch (stale) {
    case "ended":
      return (
        <Banner>
          {w.ended}{" "}
          <button type="button" onClick={() => sessions.ended()}>
            {w.sign_in_again}
          </button>
        </Banner>
      );
    case "cut_off":
      return (
        <Banner>
          <strong>{w.cut_off}.</strong> {w.stale(clock(heard, room.timezone), span(Date.now() - heard))}
        </Banner>
      );
    case "halted":
      return (
        <Banner>
          <strong>{w.halted}</strong> {w.halted_do} <span className="small">{w.halted_why(halted)}</span>
        </Banner>
      );
    case "behind":
      return <Banner>{w.behind(span(now - (logHeard ?? now)))}</Banner>;
    default:
      return null;
  }
}

function Banner({ children }: { children: ReactNode }) {
  return (
    <div className="banner bad" role="alert">
      {children}
    </div>
  );
}
