import { useEffect, useState } from "react";

export interface Battery {
  percent: number;
  charging: boolean;
}

/** The browser's battery, where it tells of one (Chromium alone does). */
interface BatteryManager extends EventTarget {
  level: number;
  charging: boolean;
}

export function tellsBattery(): boolean {
  return "getBattery" in navigator;
}

const changes = ["levelchange", "chargingchange"];

/** Undefined where the device does not say. */
export function useBattery(): Battery | undefined {
  const [battery, setBattery] = useState<Battery>();
  useEffect(() => {
    if (!tellsBattery()) return;
    let manager: BatteryManager | undefined;
    let over = false;
    const look = () =>
      manager && setBattery({ percent: Math.round(manager.level * 100), charging: manager.charging });
    (navigator as unknown as { getBattery(): Promise<BatteryManager> }).getBattery().then(
      (found) => {
        if (over) return;
        manager = found;
        for (const change of changes) found.addEventListener(change, look);
        look();
      },
      () => undefined,
    );
    return () => {
      over = true;
      for (const change of changes) manager?.removeEventListener(change, look);
    };
  }, []);
  return battery;
}
