/** The ground of the map, as the gateway offers it from its own address. */
export interface Background {
  kind: "none" | "raster" | "vector" | "pmtiles";
  url?: string;
  attribution: string;
  max_zoom: number;
}

const plain: Background = { kind: "none", attribution: "", max_zoom: 18 };

/** Without an answer the ground is plain: nothing waits for it. */
export async function readBackground(): Promise<Background> {
  try {
    const res = await fetch("/map/background", { signal: AbortSignal.timeout(3000) });
    return res.ok ? ((await res.json()) as Background) : plain;
  } catch {
    return plain;
  }
}
