import { defineConfig } from "vitest/config";

// The figures of the web apps: `make browser-figures`.
export default defineConfig({
  test: {
    include: ["figures.ts"],
    testTimeout: 900_000,
    hookTimeout: 180_000,
    disableConsoleIntercept: true,
    // Node 20 has the sockets of browsers behind this flag; later ones have them without it.
    execArgv: ["--experimental-websocket"],
  },
});
