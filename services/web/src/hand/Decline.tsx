import { codes, useLabels } from "../ui/labels";
import { useWords } from "../ui/words";
import { Sheet } from "./Sheet";
import type { Raise } from "./SosBar";
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
    <Sheet title={w.declineWhy} testId="decline-sheet" close={w.back} onClose={onClose} onRaise={onRaise}>
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
