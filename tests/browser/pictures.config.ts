import { defineConfig } from "vitest/config";

// The pictures of the README, taken anew: `make pictures`.
export default defineConfig({
  test: { include: ["pictures.ts"], testTimeout: 180_000, hookTimeout: 180_000 },
});
