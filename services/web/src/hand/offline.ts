// The app opens without a network: its service worker keeps the page and what the page is made of.

import { useEffect, useSyncExternalStore } from "react";

let registration: ServiceWorkerRegistration | undefined;
/** A newer app than this one is kept. */
let newer = false;
const listeners = new Set<() => void>();

export function serveOffline(): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const { serviceWorker } = navigator;
  let kept = serviceWorker.controller !== null;
  serviceWorker.addEventListener("controllerchange", () => {
    newer = kept; // the first worker keeps the app that runs
    kept = true;
    for (const listener of listeners) listener();
  });
  // Without it the app runs all the same; the page about this device says that it does not open offline.
  serviceWorker.register("/hand/sw.js", { scope: "/hand" }).then(
    (registered) => {
      registration = registered;
    },
    () => undefined,
  );
  void navigator.storage?.persist?.().catch(() => false);
}

/** Asks for a newer app, which is kept beside this one: a gateway that comes back may have brought one. */
export function lookForNewer(): void {
  void registration?.update().catch(() => undefined);
}

/** Takes a newer app once it is there and nobody is in need of this one. */
export function useNewer(idle: boolean): void {
  const come = useSyncExternalStore(subscribe, () => newer);
  useEffect(() => {
    if (come && idle) location.reload();
  }, [come, idle]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
