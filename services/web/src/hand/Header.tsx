import { useLabels } from "../ui/labels";
import { span, useNow } from "../ui/time";
import { useWords } from "../ui/words";
import { isReceipt } from "./acts";
import type { Battery } from "./device/battery";
import type { HandState } from "./hand";
import { words } from "./words";

/** A link that is lost for less than this is about to come back by itself. */
const graceMs = 3_000;
/** The server hears from its log far more often than this. */
const logSilentMs = 15_000;

interface Props {
  state: HandState;
  battery: Battery | undefined;
  onMenu: () => void;
}

export function Header({ state, battery, onMenu }: Props) {
  const w = useWords(words);
  const labels = useLabels();
  const { view, link, shown } = state;
  const waiting = state.waiting.filter((a) => !isReceipt(a)).length;
  const live = link.state === "live";

  /** What the team does: what its guard has just said counts before the room has heard it. */
  function doing(): string {
    if (!shown?.onDuty) return w.offDuty;
    if (shown.mission && shown.missionWaits) return labels("mission", shown.mission.state);
    const status = view?.team.status ?? "";
    return status === "off_duty" ? w.onDuty : labels("team", status);
  }

  return (
    <header className="top">
      <div className="who">
        <strong>{view?.team.call_sign || state.view?.team.id || "Vigie"}</strong>
        <span>{shown ? doing() : ""}</span>
      </div>
      <ul className="signs">
        <li className={live ? "good" : "bad"} data-testid="link" data-link={link.state}>
          <i aria-hidden="true">{live ? "●" : "✕"}</i>{" "}
          {live ? w.linked : link.state === "connecting" && state.heard === 0 ? w.connecting : w.noLink}
        </li>
        {battery && (
          <li className={battery.percent <= 20 && !battery.charging ? "bad" : ""}>
            <span className="visually-hidden">{w.battery(battery.percent, battery.charging)}</span>
            <span aria-hidden="true">
              {battery.charging ? "⚡" : "▮"} {battery.percent} %
            </span>
          </li>
        )}
      </ul>
      <button
        type="button"
        className="menu"
        aria-label={waiting > 0 ? `${w.menu}, ${w.waitingActs(waiting)}` : w.menu}
        onClick={onMenu}
      >
        <span aria-hidden="true">☰</span>
      </button>
    </header>
  );
}

/** Says in red how old what is shown may be. A board never looks fresh when it is not. */
export function Freshness({ state }: { state: HandState }) {
  const w = useWords(words);
  const roomNow = useNow();
  const { link, logHeard } = state;
  if (link.state === "ended") {
    if (link.code === 4501 || link.code === 4504) return null; // signing on comes next
    return (
      <div className="strip bad" role="alert">
        <p>{link.code === 4502 ? w.refusedHere : w.notMatching}</p>
        <button type="button" onClick={() => location.reload()}>
          {w.reload}
        </button>
      </div>
    );
  }
  const age = Date.now() - state.heard;
  if (link.state !== "live") {
    if (state.heard === 0) return <Said text={w.neverLinked} more={w.useRadio} />;
    return age < graceMs ? null : <Said text={w.cutOff(span(age))} more={w.useRadio} />;
  }
  if (state.halted) return <Said text={w.halted} />;
  const silent = logHeard === undefined ? 0 : roomNow - logHeard;
  return silent > logSilentMs ? <Said text={w.roomSilent(span(silent))} more={w.useRadio} /> : null;
}

function Said({ text, more }: { text: string; more?: string }) {
  return (
    <div className="strip bad" data-testid="stale">
      <p>
        <strong>{text}</strong> {more}
      </p>
    </div>
  );
}

/** How many acts wait. */
export function Waiting({ state, onShow }: { state: HandState; onShow: () => void }) {
  const w = useWords(words);
  const acts = state.waiting.filter((a) => !isReceipt(a));
  // What is on its way over a good link is answered before anybody has read that it waits.
  if (acts.length === 0 || (state.link.state === "live" && acts.every((a) => Date.now() - a.at < graceMs)))
    return null;
  return (
    <button
      type="button"
      className="strip warn"
      data-testid="waiting"
      data-count={acts.length}
      onClick={onShow}
    >
      {w.waitingActs(acts.length)}
    </button>
  );
}
