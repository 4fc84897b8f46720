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

const options: PositionOptions = { enableHighAccuracy: true, maximumAge: 5_000 };

/** Follows the device while `shared`, which is on shift only; asks for nothing otherwise. */
export function usePosition(shared: boolean, each: (fix: Fix) => void): Position {
  const [position, setPosition] = useState<Position>({ state: "off" });
  useEffect(() => {
    if (!shared) return;
    if (!("geolocation" in navigator) || !isSecureContext) {
      setPosition({ state: "missing" });
      return;
    }
    setPosition({ state: "waiting" });
    const id = navigator.geolocation.watchPosition(
      ({ coords, timestamp }) => {
        const fix = {
          lat: coords.latitude,
          lon: coords.longitude,
          accuracyM: coords.accuracy,
          at: timestamp,
        };
        setPosition({ state: "known", fix });
        each(fix);
      },
      ({ code, PERMISSION_DENIED }) => {
        if (code === PERMISSION_DENIED) setPosition({ state: "refused" });
      },
      options,
    );
    return () => {
      navigator.geolocation.clearWatch(id);
      setPosition({ state: "off" });
    };
  }, [shared, each]);
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
