import { defineConfig } from "vitest/config";

// One story at a time: they share two cores with the program and the browser. The bounds are for a machine under load; what is waited for is
// always a condition.
export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    retry: 0,
  },
});
