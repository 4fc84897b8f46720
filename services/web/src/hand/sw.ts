/// <reference lib="webworker" />
// Keeps the page of the handheld and what it is made of, whole and of one build. It never touches what the server says (/v1):
// that is live or it is nothing.

// What is kept, as JSON; the build puts it here, so that a new build is a new worker.
const shell: string[] = JSON.parse("__SHELL__");
const page = "/hand";
const worker = self as unknown as ServiceWorkerGlobalScope;

/** One cache for each build. */
const kept = `hand ${shell.join(" ")}`;

worker.addEventListener("install", (e) => {
  e.waitUntil(
    (async () => {
      const cache = await caches.open(kept);
      await cache.addAll(shell.map((path) => new Request(path, { cache: "no-cache" })));
      await worker.skipWaiting(); // the page that runs has all it needs
    })(),
  );
});

worker.addEventListener("activate", (e) => {
  e.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith("hand ") && name !== kept) await caches.delete(name);
      }
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("fetch", (e) => {
  const { pathname, origin } = new URL(e.request.url);
  if (e.request.method !== "GET" || origin !== worker.location.origin) return;
  const path = e.request.mode === "navigate" && pathname === page ? page : pathname;
  if (shell.includes(path)) e.respondWith(fromCache(path, e.request));
});

async function fromCache(path: string, request: Request): Promise<Response> {
  return (await (await caches.open(kept)).match(path)) ?? fetch(request);
}
