// What this device does for the guard, found out by asking the browser: never a promise that the platform does not keep.

import { tellsBattery } from "./battery";

/** With the screen off: it goes on, it stops, or the device does not do it at all. */
export type Works = "works" | "screen" | "no";

export type Part =
  | "missions"
  | "sound"
  | "vibration"
  | "position"
  | "sos"
  | "awake"
  | "acts"
  | "offline"
  | "battery"
  | "fall"
  | "checkIn"
  | "push";

export interface Found {
  part: Part;
  works: Works;
  /** Only over HTTPS, or only once the person has said yes. */
  because?: "insecure" | "refused";
}

/** In the order of what a guard relies on most. */
export async function look(lasting: boolean): Promise<Found[]> {
  const onScreen = (has: boolean): Works => (has ? "screen" : "no");
  const position = await permission("geolocation");
  const secure = isSecureContext;
  const needsHttps = (found: Found): Found =>
    secure ? found : { ...found, works: "no", because: "insecure" };
  return [
    { part: "missions", works: "screen" },
    { part: "sos", works: "screen" },
    { part: "sound", works: onScreen("AudioContext" in window) },
    { part: "vibration", works: onScreen("vibrate" in navigator) },
    needsHttps(
      position === "denied"
        ? { part: "position", works: "no", because: "refused" }
        : { part: "position", works: onScreen("geolocation" in navigator) },
    ),
    needsHttps({ part: "awake", works: onScreen("wakeLock" in navigator) }),
    { part: "acts", works: lasting ? "works" : "no" },
    needsHttps({ part: "offline", works: navigator.serviceWorker?.controller ? "works" : "no" }),
    { part: "battery", works: onScreen(tellsBattery()) },
    { part: "fall", works: "no" },
    { part: "checkIn", works: "no" },
    { part: "push", works: "no" },
  ];
}

async function permission(name: PermissionName): Promise<PermissionState | undefined> {
  try {
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return undefined; // a browser that does not say
  }
}
