import { useSyncExternalStore } from "react";
import { Preferences } from "../session/SignIn";
import type { Sessions } from "../session/session";
import { silenceBound } from "../socket/watch";
import { clock, span, useNow } from "../ui/time";
import { useWords } from "../ui/words";
import { type RoomInfo, useBoard, useDesk } from "./desk";
import type { Sounds } from "./sounds";
import { words } from "./words";

interface Props {
  rooms: RoomInfo[];
  pick(room: string): void;
  sessions: Sessions;
  sounds: Sounds;
  openNew(): void;
  openRadio(): void;
  openKeys(): void;
}

export function TopBar({ rooms, pick, sessions, sounds, openNew, openRadio, openKeys }: Props) {
  const w = useWords(words);
  const { room, session, commands } = useDesk();
  const now = useNow();
  return (
    <header className="top">
      <h1>Vigie</h1>
      {rooms.length > 1 ? (
        <select aria-label={w.room} value={room.room} onChange={(e) => pick(e.target.value)}>
          {rooms.map((r) => (
            <option key={r.room} value={r.room}>
              {r.name}
            </option>
          ))}
        </select>
      ) : (
        <strong>{room.name}</strong>
      )}
      <time className="clock">{clock(now, room.timezone)}</time>
      <LinkState />
      {commands && (
        <span className="do">
          <button type="button" className="primary" onClick={openNew}>
            {w.new_incident}
          </button>
          <button type="button" onClick={openRadio}>
            {w.radio}
          </button>
        </span>
      )}
      <span className="grow" />
      <SoundState sounds={sounds} />
      <button type="button" className="quiet" onClick={openKeys}>
        {w.help}
      </button>
      <Preferences />
      <span className="who">{session.account}</span>
      <button type="button" className="quiet" onClick={() => void sessions.signOut()}>
        {w.sign_out}
      </button>
    </header>
  );
}

function LinkState() {
  const w = useWords(words);
  const link = useBoard((s) => s.link);
  const live = link.state === "live";
  return (
    <span className={live ? "link live" : "link off"} role="status">
      {live ? `● ${w.live}` : link.state === "connecting" ? `○ ${w.connecting}` : `✕ ${w.cut_off}`}
    </span>
  );
}

function SoundState({ sounds }: { sounds: Sounds }) {
  const w = useWords(words);
  useNow();
  const on = useSyncExternalStore(sounds.subscribe, () => sounds.on);
  const until = useSyncExternalStore(sounds.subscribe, () => sounds.mutedUntil);
  if (!on)
    return (
      <button type="button" className="warn" onClick={() => sounds.enable()}>
        {w.sound_enable}
      </button>
    );
  if (until)
    return (
      <button type="button" className="warn" onClick={() => sounds.unmute()}>
        {w.sound_muted(span(until - Date.now()))}
      </button>
    );
  return (
    <button type="button" className="quiet" onClick={() => sounds.mute()}>
      {w.sound_mute}
    </button>
  );
}

/** A log that was not heard of for so long is told of, in milliseconds. */
const behindBound = 15_000;

/** Says in red when what is shown may be old: the link is gone, or the server itself hears nothing from the log. */
export function CutOff({ sessions }: { sessions: Sessions }) {
  const w = useWords(words);
  const { room, board } = useDesk();
  const link = useBoard((s) => s.link);
  const logHeard = useBoard((s) => s.logHeard);
  const now = useNow();
  // Of the link itself: the board is told of its changes, not of each frame.
  const { heard } = board.watch.link;
  if (link.state === "ended")
    return (
      <div className="banner bad" role="alert">
        {w.ended}{" "}
        <button type="button" onClick={() => sessions.ended()}>
          {w.sign_in_again}
        </button>
      </div>
    );
  const silent = Date.now() - heard;
  if (heard > 0 && (link.state !== "live" || silent > silenceBound))
    return (
      <div className="banner bad" role="alert">
        <strong>{w.cut_off}.</strong> {w.stale(clock(heard, room.timezone), span(silent))}
      </div>
    );
  if (logHeard !== undefined && now - logHeard > behindBound)
    return (
      <div className="banner bad" role="alert">
        {w.behind(span(now - logHeard))}
      </div>
    );
  return null;
}

export function Halted() {
  const w = useWords(words);
  const halted = useBoard((s) => s.halted);
  if (!halted) return null;
  return (
    <div className="banner bad" role="alert">
      {w.halted(halted)}
    </div>
  );
}
