// The app opens without a network: its service worker keeps the page and what the page is made of.

let fresh = false;

export function serveOffline(): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  const before = navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    fresh = before !== null;
  });
  // Without it the app runs all the same; the page about this device says that it does not open offline.
  navigator.serviceWorker.register("/hand/sw.js", { scope: "/hand" }).catch(() => undefined);
  void navigator.storage?.persist?.().catch(() => false);
}

/** Takes a newer app, if one has come, at a moment when nobody is in need of this one. */
export function takeNewer(): void {
  if (fresh) location.reload();
}
