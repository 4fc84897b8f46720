// The map itself, outside of React: MapLibre keeps its own state.

import {
  AttributionControl,
  addProtocol,
  type LayerSpecification,
  LngLatBounds,
  Map as MapLibre,
  NavigationControl,
  type SourceSpecification,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { Protocol } from "pmtiles";
import type { Incident } from "../../board/room";
import type { Theme } from "../../ui/preferences";
import { type RoomInfo, siteOf } from "../desk";
import type { Background } from "./background";
import { MarkCanvas, type Marks } from "./marks";

setWorkerUrl(workerUrl);
addProtocol("pmtiles", new Protocol().tile);

interface Options {
  room: RoomInfo;
  background: Background;
  theme: Theme;
  label: string;
  pick(incident: string): void;
  /** Told when the ground cannot be had, and when it can again. */
  missing(missing: boolean): void;
}

/** So many tiles that fail in a row, and the ground counts as gone. */
const failuresUntilMissing = 6;
/** Whoever walks through the queue by key sees the map move once they stay, in milliseconds. */
const settles = 150;

export class MapView {
  #map: MapLibre;
  #options: Options;
  #marks: MarkCanvas;
  #failed = 0;
  #looked: string | undefined;
  #move: ReturnType<typeof setTimeout> | undefined;

  constructor(holder: HTMLElement, options: Options) {
    this.#options = options;
    const { background, theme } = options;
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL here");
    this.#map = new MapLibre({
      container: holder,
      style: { version: 8, sources: sources(background), layers: ground(background, theme) },
      bounds: boundsOf(options.room),
      fitBoundsOptions: { padding: 60 },
      maxZoom: 19,
      dragRotate: false,
      pitchWithRotate: false,
      attributionControl: false,
      fadeDuration: 0,
    });
    this.#map.getCanvas().setAttribute("aria-label", options.label);
    this.#map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
    if (background.attribution)
      this.#map.addControl(
        new AttributionControl({ compact: true, customAttribution: background.attribution }),
      );
    this.#marks = new MarkCanvas(this.#map, theme);
    this.#map.on("error", (e) => "sourceId" in e && e.sourceId === "ground" && this.#tileFailed());
    this.#map.on("data", (e) => {
      if (e.dataType === "source" && e.sourceId === "ground" && e.tile && this.#failed > 0) {
        this.#failed = 0;
        options.missing(false);
      }
    });
    this.#map.on("click", (e) => {
      const id = this.#marks.incidentAt(e.point);
      if (id) options.pick(id);
    });
    this.#map.on("mousemove", (e) => {
      this.#map.getCanvas().style.cursor = this.#marks.incidentAt(e.point) ? "pointer" : "";
    });
  }

  show(marks: Marks): void {
    this.#marks.show(marks);
  }

  /** Moves to an incident when another one is looked at; not when it changes. */
  lookAt(incident: Incident | undefined): void {
    if (!incident || this.#looked === incident.id) return;
    const first = this.#looked === undefined;
    this.#looked = incident.id;
    const e = siteOf(this.#options.room, incident.site)?.entrances?.[0];
    clearTimeout(this.#move);
    if (e && !first)
      this.#move = setTimeout(() => this.#map.easeTo({ center: [e.lon, e.lat], duration: 300 }), settles);
  }

  whole(): void {
    clearTimeout(this.#move);
    this.#map.fitBounds(boundsOf(this.#options.room), { padding: 60, duration: 300 });
  }

  close(): void {
    clearTimeout(this.#move);
    this.#map.remove();
  }

  #tileFailed(): void {
    this.#failed++;
    if (this.#failed === failuresUntilMissing) this.#options.missing(true);
  }
}

function boundsOf(room: RoomInfo): LngLatBounds {
  const bounds = new LngLatBounds();
  for (const s of room.sites ?? []) for (const e of s.entrances ?? []) bounds.extend([e.lon, e.lat]);
  return bounds.isEmpty() ? new LngLatBounds([2.2, 48.8], [2.5, 48.95]) : bounds;
}

function sources(b: Background): Record<string, SourceSpecification> {
  const own = `${location.origin}${b.url}`;
  switch (b.kind) {
    case "raster":
      return { ground: { type: "raster", tiles: [own], tileSize: 256, maxzoom: b.max_zoom } };
    case "vector":
      return { ground: { type: "vector", tiles: [own], maxzoom: b.max_zoom } };
    case "pmtiles":
      return { ground: { type: "vector", url: `pmtiles://${own}` } };
    default:
      return {};
  }
}

const colours = {
  light: {
    ground: "#eef0f2",
    water: "#c7dcea",
    green: "#dde8d8",
    building: "#dcdfe4",
    road: "#ffffff",
    rail: "#b9bec6",
  },
  dark: {
    ground: "#11161d",
    water: "#1b2b3a",
    green: "#17211a",
    building: "#1f2731",
    road: "#333e4b",
    rail: "#2b3440",
  },
};

/** The plain ground, and over it what the source has. Vector tiles are drawn by the names of the OpenMapTiles schema. */
function ground(b: Background, theme: Theme): LayerSpecification[] {
  const c = colours[theme];
  const plain: LayerSpecification = {
    id: "plain",
    type: "background",
    paint: { "background-color": c.ground },
  };
  if (b.kind === "raster")
    return [
      plain,
      {
        id: "ground",
        type: "raster",
        source: "ground",
        paint: { "raster-saturation": -0.6, ...(theme === "dark" ? { "raster-brightness-max": 0.45 } : {}) },
      },
    ];
  if (b.kind === "none") return [plain];
  const fill = (id: string, layer: string, color: string): LayerSpecification => ({
    id,
    type: "fill",
    source: "ground",
    "source-layer": layer,
    paint: { "fill-color": color },
  });
  return [
    plain,
    fill("landcover", "landcover", c.green),
    fill("park", "park", c.green),
    fill("water", "water", c.water),
    fill("building", "building", c.building),
    {
      id: "roads",
      type: "line",
      source: "ground",
      "source-layer": "transportation",
      paint: {
        "line-color": ["match", ["get", "class"], ["rail", "transit"], c.rail, c.road],
        "line-width": ["interpolate", ["linear"], ["zoom"], 10, 0.6, 16, 6],
      },
    },
  ];
}
