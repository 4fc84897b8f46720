import { type FormEvent, useMemo, useRef, useState } from "react";
import { Combobox, type Option } from "../../ui/Combobox";
import { Dialog } from "../../ui/Dialog";
import { codes, useLabels } from "../../ui/labels";
import { useWords } from "../../ui/words";
import { type RoomInfo, useDesk } from "../desk";
import { words } from "../words";

interface Props {
  close(): void;
  /** Told the incident that has come of it. */
  opened(incident: string): void;
}

/** An incident by telephone: a place, a category, Enter. */
export function NewIncident({ close, opened }: Props) {
  const w = useWords(words);
  const label = useLabels();
  const { room, ask, board } = useDesk();
  const [place, setPlace] = useState<string>();
  const [category, setCategory] = useState<string>();
  const [priority, setPriority] = useState(0);
  const [text, setText] = useState("");
  const [missing, setMissing] = useState("");
  const categoryField = useRef<HTMLInputElement>(null);
  const submitButton = useRef<HTMLButtonElement>(null);
  const places = useMemo(() => placesOf(room), [room]);
  const categories: Option[] = codes("category").map((c) => ({ value: c, text: label("category", c) }));

  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (!place) return setMissing(w.pick_place);
    if (!category) return setMissing(w.pick_category);
    const [site = "", zone = ""] = place.split("/");
    const known = new Set(board.state.incidents.keys());
    close();
    void ask(
      { type: "incident.open", site, zone, category, priority, text: text.trim() },
      `${w.new_title} ${label("category", category)}`,
    ).then(
      (outcome) => {
        if (outcome.outcome !== "done") return;
        const fresh = [...board.state.incidents.values()].find(
          (i) => !known.has(i.id) && i.site === site && i.zone === zone,
        );
        if (fresh) opened(fresh.id);
      },
      () => {},
    );
  };
  return (
    <Dialog title={w.new_title} close={close}>
      <form onSubmit={submit}>
        <Combobox
          label={w.place}
          hint={w.place_hint}
          options={places}
          value={place}
          choose={(v) => {
            setPlace(v);
            setMissing("");
          }}
          none={w.no_match}
          chosen={() => categoryField.current?.focus()}
        />
        <Combobox
          label={w.category}
          options={categories}
          value={category}
          choose={(v) => {
            setCategory(v);
            setMissing("");
          }}
          none={w.no_match}
          inputRef={(input) => {
            categoryField.current = input;
          }}
          chosen={() => submitButton.current?.focus()}
        />
        <label>
          {w.priority}
          <select value={priority} onChange={(e) => setPriority(Number(e.target.value))}>
            <option value={0}>{w.by_plan}</option>
            <option value={1}>P1</option>
            <option value={2}>P2</option>
            <option value={3}>P3</option>
          </select>
        </label>
        <label>
          {w.what_happened}
          <textarea rows={2} maxLength={2000} value={text} onChange={(e) => setText(e.target.value)} />
        </label>
        <p className="error" role="alert">
          {missing}
        </p>
        <div className="row">
          <button type="button" onClick={close}>
            {w.give_up}
          </button>
          <button type="submit" className="primary" ref={submitButton}>
            {w.open_it}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function placesOf(room: RoomInfo): Option[] {
  return (room.sites ?? []).flatMap((s) => [
    { value: s.site, text: s.name, detail: s.address },
    ...(s.zones ?? []).map((z) => ({
      value: `${s.site}/${z.code}`,
      text: `${s.name} · ${z.label}`,
      detail: [z.code, z.building, z.floor].filter(Boolean).join(" · "),
    })),
  ]);
}
