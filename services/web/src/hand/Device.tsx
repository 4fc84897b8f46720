import { useEffect, useState } from "react";
import { Preferences } from "../session/SignIn";
import { useWords } from "../ui/words";
import { ActList } from "./ActList";
import { isReceipt } from "./acts";
import { type Found, look, type Part, type Works } from "./device/works";
import type { HandState } from "./hand";
import { Sheet } from "./Sheet";
import type { Raise } from "./SosBar";
import { words } from "./words";

interface Props {
  state: HandState;
  lasting: boolean;
  onSignOut: () => Promise<void>;
  onClose: () => void;
  onRaise: Raise;
}

/** This device: what waits on it, what it can do, and how it looks. */
export function Device({ state, lasting, onSignOut, onClose, onRaise }: Props) {
  const w = useWords(words);
  return (
    <Sheet title={w.menu} testId="device-sheet" close={w.close} onClose={onClose} onRaise={onRaise}>
      <WaitingActs state={state} />
      <WorksList lasting={lasting} />
      <section>
        <h2>{w.settings}</h2>
        <Preferences />
      </section>
      <SignOut state={state} onSignOut={onSignOut} />
    </Sheet>
  );
}

function WaitingActs({ state }: { state: HandState }) {
  const w = useWords(words);
  const acts = state.waiting.filter((a) => !isReceipt(a));
  return (
    <section>
      <h2>{w.actsTitle}</h2>
      {acts.length === 0 ? (
        <p>{w.actsNone}</p>
      ) : (
        <>
          <p>{w.acts}</p>
          <ActList acts={acts} />
        </>
      )}
    </section>
  );
}

function WorksList({ lasting }: { lasting: boolean }) {
  const w = useWords(words);
  const [found, setFound] = useState<Found[]>([]);
  useEffect(() => {
    let over = false;
    look(lasting).then((f) => !over && setFound(f));
    return () => {
      over = true;
    };
  }, [lasting]);
  const names: Record<Part, string> = {
    missions: w.missions,
    sos: w.sosWorks,
    sound: w.sound,
    vibration: w.vibration,
    position: w.position,
    awake: w.awake,
    acts: w.actsKept,
    offline: w.offline,
    battery: w.batteryTold,
    fall: w.fall,
    checkIn: w.checkIn,
    push: w.push,
  };
  const signs: Record<Works, string> = { works: "✓", screen: "◐", no: "✕" };
  const because = { insecure: w.insecure, refused: w.refusedBy };
  return (
    <section>
      <h2>{w.worksTitle}</h2>
      <p className="strip warn">{w.worksWarning}</p>
      <ul className="works">
        {found.map((f) => (
          <li key={f.part} data-testid={`works-${f.part}`} data-works={f.works}>
            <i aria-hidden="true" className={f.works}>
              {signs[f.works]}
            </i>
            <span>
              {names[f.part]}
              <small>
                {w[f.works]}
                {f.because ? `: ${because[f.because]}` : ""}
              </small>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A device that is taken off keeps nothing that was its team's. */
function SignOut({ state, onSignOut }: { state: HandState; onSignOut: () => Promise<void> }) {
  const w = useWords(words);
  const [failed, setFailed] = useState(false);
  const why = state.waiting.length > 0 ? w.signOutWaiting : state.shown?.onDuty ? w.signOutOnDuty : "";
  return (
    <section>
      <button
        type="button"
        className="quiet"
        disabled={why !== ""}
        onClick={() => onSignOut().catch(() => setFailed(true))}
      >
        {w.signOut}
      </button>
      <p role="status">{failed ? w.signOutFailed : why}</p>
    </section>
  );
}
