import { codes, useLabels } from "../ui/labels";
import { useWords } from "../ui/words";
import { Sheet } from "./Sheet";
import { type Raise, SosBar } from "./Sos";
import { words } from "./words";

interface Props {
  onDecline: (reason: string) => void;
  onClose: () => void;
  onRaise: Raise;
}

export function Decline({ onDecline, onClose, onRaise }: Props) {
  const w = useWords(words);
  const labels = useLabels();
  return (
    <Sheet
      title={w.declineWhy}
      testId="decline-sheet"
      onClose={onClose}
      foot={
        <>
          <button type="button" className="big" onClick={onClose}>
            {w.back}
          </button>
          <SosBar onRaise={onRaise} />
        </>
      }
    >
      <div className="reasons">
        {codes("decline").map((code) => (
          <button type="button" key={code} data-testid={`reason-${code}`} onClick={() => onDecline(code)}>
            {labels("decline", code)}
          </button>
        ))}
      </div>
    </Sheet>
  );
}
