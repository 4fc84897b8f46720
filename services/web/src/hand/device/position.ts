import { useEffect, useState } from "react";

export interface Fix {
  lat: number;
  lon: number;
  accuracyM: number;
  at: number;
}

/** Where the device is, as far as it may be asked. */
export type Position =
  | { state: "off" }
  | { state: "waiting" }
  | { state: "known"; fix: Fix }
  | { state: "refused" }
  | { state: "missing" };

/** A device that stands still says so now and then: an old place counts for less (milliseconds). */
const stillEvery = 60_000;

const options: PositionOptions = { enableHighAccuracy: true, maximumAge: 0 };

/** Follows the device while `shared`, which is on shift only; asks for nothing otherwise. */
export function usePosition(shared: boolean): Position {
  const [position, setPosition] = useState<Position>({ state: "off" });
  useEffect(() => {
    if (!shared) return;
    if (!("geolocation" in navigator) || !isSecureContext) {
      setPosition({ state: "missing" });
      return;
    }
    setPosition({ state: "waiting" });
    const found = ({ coords, timestamp }: GeolocationPosition) => {
      const fix = {
        lat: coords.latitude,
        lon: coords.longitude,
        accuracyM: coords.accuracy,
        at: timestamp,
      };
      setPosition({ state: "known", fix });
    };
    const failed = ({ code, PERMISSION_DENIED }: GeolocationPositionError) => {
      if (code === PERMISSION_DENIED) setPosition({ state: "refused" });
    };
    const id = navigator.geolocation.watchPosition(found, failed, options);
    const still = setInterval(
      () => navigator.geolocation.getCurrentPosition(found, failed, options),
      stillEvery,
    );
    return () => {
      navigator.geolocation.clearWatch(id);
      clearInterval(still);
      setPosition({ state: "off" });
    };
  }, [shared]);
  return position;
}

const earthRadius = 6_371_000;
const radians = (degrees: number) => (degrees * Math.PI) / 180;

/** Metres between two places as the crow flies. */
export function distance(a: { lat: number; lon: number }, b: { lat: number; lon: number }): number {
  const h =
    Math.sin(radians(b.lat - a.lat) / 2) ** 2 +
    Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(radians(b.lon - a.lon) / 2) ** 2;
  return 2 * earthRadius * Math.asin(Math.sqrt(h));
}
