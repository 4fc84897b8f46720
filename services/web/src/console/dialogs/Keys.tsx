import { Dialog } from "../../ui/Dialog";
import { usePreferences } from "../../ui/preferences";
import { useWords } from "../../ui/words";
import { keys, words } from "../words";

export function Keys({ close }: { close(): void }) {
  const w = useWords(words);
  const { language } = usePreferences();
  return (
    <Dialog title={w.keys_title} close={close}>
      <dl className="body keys">
        {keys[language].map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
