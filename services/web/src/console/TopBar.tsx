import { useSyncExternalStore } from "react";
import { Preferences } from "../session/SignIn";
import type { Sessions } from "../session/session";
import { clock, span, useNow } from "../ui/time";
import { useWords } from "../ui/words";
import { type RoomInfo, useDesk } from "./desk";
import type { Sounds } from "./sounds";
import { useStale } from "./stale";
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
  const stale = useStale();
  const said = {
    connecting: `○ ${w.connecting}`,
    cut_off: `✕ ${w.cut_off}`,
    ended: `✕ ${w.cut_off}`,
    halted: `✕ ${w.link_halted}`,
    behind: `✕ ${w.link_behind}`,
  };
  return (
    <span className={stale ? "link off" : "link live"} role="status">
      {stale ? said[stale] : `● ${w.live}`}
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
