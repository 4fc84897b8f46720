import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const out = resolve(import.meta.dirname, "../gateway/internal/apps/dist");

/** Leaves each asset beside its compressed forms: the gateway only picks one. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|svg|html|json|webmanifest)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const content = readFileSync(path);
        if (content.length < 1024) continue;
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
        );
      }
    },
  };
}

/** Tells the handheld's service worker what to keep: the page, and every file of this build that the page loads. */
function offlineShell(): Plugin {
  return {
    name: "offline-shell",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const worker = bundle["hand/sw.js"];
        const entry = Object.values(bundle).find((c) => c.type === "chunk" && c.isEntry && c.name === "hand");
        if (worker?.type !== "chunk" || entry?.type !== "chunk")
          throw new Error("the handheld is not in the build");
        const files = new Set<string>();
        const add = (name: string): void => {
          const chunk = bundle[name];
          if (files.has(name) || chunk?.type !== "chunk") return;
          files.add(name);
          for (const asset of [
            ...(chunk.viteMetadata?.importedCss ?? []),
            ...(chunk.viteMetadata?.importedAssets ?? []),
          ])
            files.add(asset);
          for (const other of [...chunk.imports, ...chunk.dynamicImports]) add(other);
        };
        add(entry.fileName);
        const shell = [
          "/hand",
          "/hand/manifest.webmanifest",
          "/icons/icon.svg",
          ...[...files].sort().map((f) => `/${f}`),
        ];
        worker.code = worker.code.replace("__SHELL__", JSON.stringify(shell).replaceAll('"', '\\"'));
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), offlineShell(), compressed()],
  build: {
    outDir: out,
    emptyOutDir: true,
    sourcemap: false,
    // The policy of the gateway lets nothing in that is written into a page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The map's library is one piece, which nothing waits for.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      input: { console: "console/index.html", hand: "hand/index.html", sw: "src/hand/sw.ts" },
      // A service worker has one address for ever.
      output: { entryFileNames: ({ name }) => (name === "sw" ? "hand/sw.js" : "assets/[name]-[hash].js") },
    },
  },
  server: { proxy: { "/v1": { target: "http://127.0.0.1:8080", ws: true } } },
});
