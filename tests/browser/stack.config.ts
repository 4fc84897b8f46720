import { defineConfig } from "vitest/config";

// Stories on real Kafka and Redis, a process for each service: `make browser-stack`.
export default defineConfig({
  test: { include: ["*.stack.ts"], testTimeout: 240_000, hookTimeout: 360_000 },
});
