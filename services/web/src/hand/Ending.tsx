import type { TeamView } from "../board/team";
import { useLabels } from "../ui/labels";
import { useWords } from "../ui/words";
import type { Ending, Why } from "./endings";
import { Sheet } from "./Sheet";
import { timeOf } from "./Shift";
import type { Raise } from "./SosBar";
import { words } from "./words";

/** What the guard is told, in two sentences. */
function useSaid(): (ending: Ending) => { title: string; text: string } {
  const w = useWords(words);
  const said: Record<Why, { title: string; text: string }> = {
    stand_down: { title: w.standDown, text: w.standDownText },
    continue: { title: w.continue, text: w.continueText },
    recalled: { title: w.recalled, text: w.recalledText },
    expired: { title: w.expired, text: w.expiredText },
    over: { title: w.over, text: w.overText },
    signed_off: { title: w.signedOff, text: w.signedOffText },
  };
  return (ending) => {
    const { title, text } = said[ending.why ?? "over"];
    return { title, text: ending.takenBy ? w.hasIt(ending.takenBy) : text };
  };
}

/** These reasons say no more than the title does. */
const plain = ["", "recalled", "other", "answered_in_time_by_another"];

interface Props {
  ending: Ending;
  onDismiss: () => void;
}

interface SheetProps extends Props {
  view: TeamView | undefined;
  onRaise: Raise;
}

export function EndingSheet({ ending, view, onDismiss, onRaise }: SheetProps) {
  const w = useWords(words);
  const labels = useLabels();
  const { title, text } = useSaid()(ending);
  // To go on is to go where the mission is that the team has, not where the other one was.
  const place = view?.premises;
  const where =
    ending.why === "continue"
      ? [place?.site_name, place?.zone_label].filter(Boolean).join(" · ")
      : ending.where;
  return (
    <Sheet
      title={title}
      className={`ending ${ending.why === "continue" ? "warn" : "bad"}`}
      testId="ending"
      close={w.understood}
      onClose={onDismiss}
      onRaise={onRaise}
      unasked={ending.mission}
    >
      <p className="ending-text" data-testid={`ending-${ending.why}`}>
        {text}
      </p>
      {where && <p className="zone">{where}</p>}
      {!plain.includes(ending.reason) && <p className="said">{labels("reason", ending.reason)}</p>}
      <p className="muted">{timeOf(new Date(ending.at).toISOString())}</p>
    </Sheet>
  );
}

/** The same where a new mission has the screen: that comes first. */
export function EndingStrip({ ending, onDismiss }: Props) {
  const w = useWords(words);
  const { title, text } = useSaid()(ending);
  return (
    <div className="strip bad" role="alert" data-testid={`ending-${ending.why}`}>
      <p>
        <strong>{title}</strong> {ending.where}. {text}
      </p>
      <button type="button" onClick={onDismiss}>
        {w.understood}
      </button>
    </div>
  );
}
