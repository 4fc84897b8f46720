import { type FormEvent, useState } from "react";
import type { Incident } from "../../board/room";
import { Dialog } from "../../ui/Dialog";
import { useLabels } from "../../ui/labels";
import { useWords } from "../../ui/words";
import { words } from "../words";

interface Props {
  incident: Incident;
  dispositions: string[];
  close(): void;
  answer(disposition: string, note: string): void;
}

/** Closing wants to know how it ended; the number of a line is its key. */
export function Close({ incident, dispositions, close, answer }: Props) {
  const w = useWords(words);
  const label = useLabels();
  const [disposition, setDisposition] = useState("");
  const [note, setNote] = useState("");
  const submit = (e: FormEvent) => {
    e.preventDefault();
    answer(disposition, note.trim());
    close();
  };
  return (
    <Dialog title={w.close_title(incident.id)} close={close}>
      <form onSubmit={submit}>
        <fieldset>
          <legend>{w.disposition}</legend>
          {dispositions.map((d) => (
            <label key={d} className="choice">
              <input
                type="radio"
                name="disposition"
                value={d}
                required
                checked={disposition === d}
                onChange={() => setDisposition(d)}
              />
              {label("disposition", d)}
            </label>
          ))}
        </fieldset>
        <label>
          {w.closing_note}
          <textarea rows={2} maxLength={2000} value={note} onChange={(e) => setNote(e.target.value)} />
        </label>
        <div className="row">
          <button type="button" onClick={close}>
            {w.give_up}
          </button>
          <button type="submit" className="primary" disabled={disposition === ""}>
            {w.do_it}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
