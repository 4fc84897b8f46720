import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import type { Notice } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Sessions } from "../session/session";
import { useWords } from "../ui/words";
import { accepted } from "./acts";
import { Decline } from "./Decline";
import { Device } from "./Device";
import { type Tone, useAlert, useArmed } from "./device/alert";
import { useBattery } from "./device/battery";
import { usePosition } from "./device/position";
import { useWakeLock } from "./device/wake";
import { EndingSheet, EndingStrip } from "./Ending";
import { Freshness, Header, Waiting } from "./Header";
import type { Hand, HandState } from "./hand";
import { Mission, MissionButtons } from "./Mission";
import { lookForNewer, useNewer } from "./offline";
import { Refused } from "./Refused";
import { DutyButton, Shift } from "./Shift";
import { refusedSos, SosOver, SosQuietRefused, SosRefused, SosSheet, SosStrip, underWay } from "./Sos";
import { SosBar } from "./SosBar";
import { words } from "./words";

type Open = "decline" | "device" | "sos" | undefined;

/** The handheld of a team. */
export function App({
  hand,
  sessions,
  onSignOut,
}: {
  hand: Hand;
  sessions: Sessions;
  onSignOut: () => Promise<void>;
}) {
  const w = useWords(words);
  const state = useSyncExternalStore(hand.subscribe, () => hand.state);
  const { view, shown } = state;
  const { team } = hand.identity;
  const [open, setOpen] = useState<Open>();
  const { position, battery } = useReports(hand, state);
  const mission = shown?.mission;
  const ending = state.endings[0];
  const endingOnTop = ending && (!mission || ending.why === "continue");
  const { refused } = state;
  const sosRefused = refusedSos(state);

  useWakeLock(mission !== undefined);
  useUpdate(state);
  useAlert(useTone(state, team));
  useEnd(sessions, state);
  const missionId = mission?.id;
  // A mission takes the screen from whatever was open, but for an SOS.
  useEffect(() => {
    if (missionId) setOpen((was) => (was === "device" ? undefined : was));
    else setOpen((was) => (was === "decline" ? undefined : was));
  }, [missionId]);
  const sos = underWay(state);
  useEffect(() => {
    if (!sos) setOpen((was) => (was === "sos" ? undefined : was));
  }, [sos]);

  const seen = useCallback((id: string) => hand.seen(id), [hand]);
  const close = () => setOpen(undefined);

  function raise(silent: boolean) {
    const fix = position.state === "known" ? { lat: position.fix.lat, lon: position.fix.lon } : {};
    hand.act({ type: "sos", team, silent, ...fix });
    if (!silent) navigator.vibrate?.(200);
    setOpen(silent ? undefined : "sos");
  }

  return (
    <div className={`hand ${state.silent ? "quiet-now" : ""}`}>
      <Header state={state} battery={battery} onMenu={() => setOpen("device")} />
      <main>
        <div className="strips">
          {sos && <SosStrip state={state} onShow={() => setOpen("sos")} />}
          <SosOver state={state} />
          <Freshness state={state} />
          <Waiting state={state} onShow={() => setOpen("device")} />
          {ending && !endingOnTop && (
            <EndingStrip ending={ending} onDismiss={() => hand.dismiss(ending.mission)} />
          )}
          {sosRefused === "silent" && <SosQuietRefused onClose={() => hand.dismissRefusal()} />}
          {refused && !sosRefused && <Refused refused={refused} onDismiss={() => hand.dismissRefusal()} />}
          <Notices state={state} team={team} />
          {!state.silent && <Unarmed />}
        </div>
        <div className="body">
          {!view || !shown ? (
            <p className="muted wait">{w.waitingForServer}</p>
          ) : mission ? (
            <Mission
              view={view}
              mission={mission}
              shown={shown}
              position={position}
              covered={Boolean(endingOnTop) || sosRefused === "loud" || open === "sos"}
              onSeen={seen}
            />
          ) : (
            <Shift view={view} shown={shown} position={position} />
          )}
        </div>
      </main>
      <div className="foot">
        {mission ? (
          <MissionButtons
            mission={mission}
            onStep={(type) => hand.act({ type, mission: mission.id })}
            onDecline={() => setOpen("decline")}
            onBackup={() => hand.act({ type: "mission.backup", mission: mission.id })}
          />
        ) : (
          view &&
          shown && (
            <DutyButton
              onDuty={shown.onDuty}
              onChange={(on) =>
                hand.act(
                  on
                    ? { type: "team.on_duty", team, guards: [hand.identity.guard] }
                    : { type: "team.off_duty", team },
                )
              }
            />
          )
        )}
        <SosBar onRaise={raise} />
      </div>
      {refused && sosRefused === "loud" ? (
        <SosRefused refused={refused} onRaise={raise} onClose={() => hand.dismissRefusal()} />
      ) : open === "sos" && sos ? (
        <SosSheet state={state} onRaise={raise} onClose={close} />
      ) : ending && endingOnTop ? (
        <EndingSheet
          key={ending.mission}
          ending={ending}
          view={view}
          onRaise={raise}
          onDismiss={() => hand.dismiss(ending.mission)}
        />
      ) : open === "decline" && mission && !accepted(mission.state) ? (
        <Decline
          onRaise={raise}
          onClose={close}
          onDecline={(reason) => {
            hand.act({ type: "mission.decline", mission: mission.id, reason });
            close();
          }}
        />
      ) : open === "device" ? (
        <Device state={state} lasting={hand.lasting} onSignOut={onSignOut} onRaise={raise} onClose={close} />
      ) : null}
    </div>
  );
}

/** Tells the room where the device is, on shift only, and how its battery is. */
function useReports(hand: Hand, state: HandState) {
  const battery = useBattery();
  const live = state.link.state === "live";
  // The room takes positions of the shift that it knows of, and none that was measured before: it is asked for then, and not sooner.
  const onDuty = state.view?.team.on_duty ?? false;
  const position = usePosition(onDuty);
  const fix = position.state === "known" ? position.fix : undefined;
  useEffect(() => {
    if (!live || !onDuty || !fix) return;
    const { at, ...place } = fix;
    hand.board.watch.fix({ ...place, at: timestampFromMs(at) });
  }, [hand, live, onDuty, fix]);
  useEffect(() => {
    if (live && battery) hand.board.watch.status({ batteryPct: battery.percent, charging: battery.charging });
  }, [hand, live, battery]);
  return { battery, position };
}

/** What there is to sound for. A touch of the screen ends it, a new reason begins it again; a silent SOS is silent. */
function useTone(state: HandState, team: string): Tone | undefined {
  const mission = state.shown?.mission;
  const offered = mission && !accepted(mission.state) ? mission : undefined;
  const reasons = [
    ...(offered ? [offered.id] : []),
    ...state.endings.map((e) => `${e.mission} ended`),
    ...provisional(state, team).map((n) => n.key),
  ];
  const touched = useTouched(reasons.join(" "));
  if (state.silent || reasons.length === 0 || touched) return undefined;
  if (!offered) return "provisional";
  const incident = state.view?.incidents.find((i) => i.id === offered.incident);
  return incident?.priority === 1 ? "urgent" : "mission";
}

function useTouched(reason: string): boolean {
  const [touched, setTouched] = useState("");
  useEffect(() => {
    const touch = () => setTouched(reason);
    addEventListener("pointerdown", touch);
    addEventListener("keydown", touch);
    return () => {
      removeEventListener("pointerdown", touch);
      removeEventListener("keydown", touch);
    };
  }, [reason]);
  return touched === reason;
}

/** A newer app is taken between shifts, when nothing of this one is under way: never in the middle of a mission or an SOS. */
function useUpdate(state: HandState): void {
  const { shown, waiting, link } = state;
  useNewer(
    shown !== undefined && !shown.onDuty && !shown.mission && waiting.length === 0 && !underWay(state),
  );
  useEffect(() => {
    if (link.state === "live") lookForNewer();
  }, [link.state]);
}

/** The server has ended the sign-on. */
function useEnd(sessions: Sessions, { link }: HandState): void {
  const code = link.state === "ended" ? link.code : undefined;
  useEffect(() => {
    if (code === 4501) sessions.ended();
    if (code === 4504) sessions.ended("revoked");
  }, [code, sessions]);
}

/** Alarms on which nobody has decided yet. What the team itself has raised is shown as its SOS. */
function provisional({ notices }: HandState, team: string): Notice[] {
  return [...notices.values()].filter((n) => n.kind === "provisional" && n.team !== team);
}

/** Guards on the site act on such alarms. */
function Notices({ state, team }: { state: HandState; team: string }) {
  const w = useWords(words);
  return provisional(state, team).map((n) => (
    <div key={n.key} className="strip warn loud" role="alert" data-testid="provisional">
      <p>
        <strong>{w.provisional}</strong>{" "}
        {[n.team && w.sosOf(n.callSign || n.team), n.siteName || n.site, n.zoneLabel || n.zone, n.code]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </div>
  ));
}

function Unarmed() {
  const w = useWords(words);
  return useArmed() ? null : <p className="strip warn">{w.touchForSound}</p>;
}
