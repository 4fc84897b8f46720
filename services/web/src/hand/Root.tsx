import { useEffect, useState } from "react";
import { type Sessions, useSession } from "../session/session";
import { Failure } from "../ui/Failure";
import { useWords } from "../ui/words";
import { App } from "./App";
import { type Act, isReceipt } from "./acts";
import { Enrol } from "./Enrol";
import { Hand, type Identity } from "./hand";
import type { Store } from "./store";
import { words } from "./words";

interface Props {
  sessions: Sessions;
  store: Store;
  /** Whose handheld this was when the app last ran. */
  last: Identity | undefined;
  /** The sign-on by a token in the address, if there was one. */
  enrolling: Promise<void> | undefined;
}

/** Before the server has answered, the app goes on as who it was: there may be no network for a while. */
export function Root({ sessions, store, last, enrolling }: Props) {
  const w = useWords(words);
  const signedIn = useSession(sessions);
  const [failed, setFailed] = useState<unknown>();
  const [pending, setPending] = useState(enrolling !== undefined);
  useEffect(() => {
    enrolling?.catch(setFailed).finally(() => setPending(false));
  }, [enrolling]);

  const session = signedIn.state === "in" ? signedIn.session : undefined;
  const { team, device, guard } =
    session ?? (signedIn.state === "unknown" && !pending ? last : undefined) ?? {};
  const hand = useHand(store, sessions, team, device, guard);
  const out = signedIn.state === "out";
  const left = useLeft(store, out);

  if (hand)
    return (
      <Failure
        instead={() => (
          <main className="enrol">
            <p className="strip bad">{w.notMatching}</p>
            <button type="button" className="big primary" onClick={() => location.reload()}>
              {w.reload}
            </button>
          </main>
        )}
      >
        <App hand={hand} sessions={sessions} onSignOut={() => sessions.signOut()} />
      </Failure>
    );
  if (!pending && (out || (signedIn.state === "unknown" && failed))) {
    // A device that was on when the app last ran and is not known any more has been ended meanwhile.
    const why = out ? (signedIn.why ?? (last && "ended")) : undefined;
    return <Enrol sessions={sessions} failed={failed} why={why} left={left} />;
  }
  return <p className="wait">{w.waitingForServer}</p>;
}

function useHand(
  store: Store,
  sessions: Sessions,
  team: string | undefined,
  device: string | undefined,
  guard: string | undefined,
): Hand | undefined {
  const [hand, setHand] = useState<Hand>();
  useEffect(() => {
    if (!team || !device || !guard) return;
    let over = false;
    let mine: Hand | undefined;
    Hand.open(store, { team, device, guard }, () => sessions.socketToken()).then((opened) => {
      if (over) return opened.close();
      mine = opened;
      setHand(opened);
    });
    // The network is back, or the guard looks: no pause is waited for.
    const again = () => {
      const watch = mine?.board.watch;
      if (watch?.link.state === "waiting" && document.visibilityState === "visible") watch.retry();
    };
    // A device that knows itself without a network does not wait for the silence to tell.
    const gone = () => mine?.board.watch.retry();
    addEventListener("online", again);
    addEventListener("offline", gone);
    document.addEventListener("visibilitychange", again);
    return () => {
      over = true;
      removeEventListener("online", again);
      removeEventListener("offline", gone);
      document.removeEventListener("visibilitychange", again);
      mine?.close();
      setHand(undefined);
    };
  }, [store, sessions, team, device, guard]);
  return hand;
}

/** A device that nobody is signed on forgets what it showed. Acts are kept until they are answered: those that wait. */
function useLeft(store: Store, out: boolean): Act[] {
  const [left, setLeft] = useState<Act[]>([]);
  useEffect(() => {
    if (!out) return;
    void store.forget().catch(() => undefined);
    store.acts().then(
      (acts) => setLeft(acts.filter((a) => !isReceipt(a))),
      () => undefined,
    );
  }, [store, out]);
  return left;
}
