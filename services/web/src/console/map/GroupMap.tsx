import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { usePreferences } from "../../ui/preferences";
import { span, useNow } from "../../ui/time";
import { useWords } from "../../ui/words";
import { useBoard, useDesk } from "../desk";
import { words } from "../words";
import { type Background, readBackground } from "./background";
import { incidentsOf, newestOf, sitesOf, teamsOf } from "./features";
import { MapView } from "./view";
import "maplibre-gl/dist/maplibre-gl.css";

interface Props {
  selected: string | undefined;
  select(incident: string): void;
}

/** A position that grows old is looked at so often, in milliseconds. */
const ageEvery = 15_000;

/** Sites, entrances, teams and incidents of the group. All of it is in the lists, too: the map is for the eye. */
export default memo(function GroupMap({ selected, select }: Props) {
  const w = useWords(words);
  const { room } = useDesk();
  // After the queue, in a frame of its own.
  const teams = useDeferredValue(useBoard((s) => s.teams));
  const incidents = useDeferredValue(useBoard((s) => s.incidents));
  const positions = useDeferredValue(useBoard((s) => s.positions));
  const at = Math.floor(useNow() / ageEvery) * ageEvery;
  const { theme } = usePreferences();
  const [background, setBackground] = useState<Background>();
  const [missing, setMissing] = useState(false);
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<MapView>(undefined);

  useEffect(() => {
    let gone = false;
    void readBackground().then((b) => !gone && setBackground(b));
    return () => {
      gone = true;
    };
  }, []);

  useEffect(() => {
    if (!holder.current || !background) return;
    const made = new MapView(holder.current, {
      room,
      background,
      theme,
      label: w.map,
      pick: select,
      missing: setMissing,
    });
    view.current = made;
    return () => {
      view.current = undefined;
      made.close();
    };
  }, [background, room, theme, w.map, select]);

  const marks = {
    sites: useMemo(() => sitesOf(room), [room]),
    incidents: useMemo(() => incidentsOf(room, incidents), [room, incidents]),
    teams: useMemo(() => teamsOf(room, teams, positions, at), [room, teams, positions, at]),
  };
  useEffect(() => {
    view.current?.show(marks);
  });
  useEffect(() => {
    view.current?.lookAt(selected === undefined ? undefined : incidents.get(selected));
  }, [selected, incidents]);

  return (
    <>
      <div ref={holder} className="map" />
      <div className="over">
        {(missing || background?.kind === "none") && <p role="status">{w.map_background}</p>}
        <Age newest={newestOf(teams, positions)} />
        <button type="button" onClick={() => view.current?.whole()}>
          {w.map_centre}
        </button>
      </div>
    </>
  );
});

/** How old what is shown of the teams is. */
function Age({ newest }: { newest: number }) {
  const w = useWords(words);
  const now = useNow();
  return <p className="small">{newest > 0 ? w.map_age(span(now - newest)) : w.map_no_positions}</p>;
}
