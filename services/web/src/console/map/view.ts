// The map itself, outside of React: MapLibre keeps its own state.

import {
  AttributionControl,
  addProtocol,
  type ExpressionSpecification,
  type GeoJSONSource,
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
import type { Features } from "./features";
import { drawImage, imageName, type Look } from "./images";

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

export class MapView {
  #map: MapLibre;
  #options: Options;
  #ready = false;
  #latest: Features | undefined;
  #failed = 0;
  #looked: string | undefined;

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
    this.#map.on("load", () => this.#load());
    this.#map.setMissingStyleImageResolver((id) => {
      const image = drawImage(id, theme);
      if (image && !this.#map.hasImage(id)) this.#map.addImage(id, image, { pixelRatio: 2 });
    });
    this.#map.on("error", (e) => "sourceId" in e && e.sourceId === "ground" && this.#tileFailed());
    this.#map.on("data", (e) => {
      if (e.dataType === "source" && e.sourceId === "ground" && e.tile && this.#failed > 0) {
        this.#failed = 0;
        options.missing(false);
      }
    });
    this.#map.on("click", "incidents", (e) => {
      const id: unknown = e.features?.[0]?.properties.id;
      if (typeof id === "string") options.pick(id);
    });
  }

  show(features: Features): void {
    if (this.#latest === features) return;
    this.#latest = features;
    if (!this.#ready) return;
    this.#source("sites").setData(features.sites);
    this.#source("incidents").setData(features.incidents);
    this.#source("teams").setData(features.teams);
  }

  /** Moves to an incident when another one is looked at; not when it changes. */
  lookAt(incident: Incident | undefined): void {
    if (!incident || this.#looked === incident.id) return;
    const first = this.#looked === undefined;
    this.#looked = incident.id;
    const e = siteOf(this.#options.room, incident.site)?.entrances?.[0];
    if (e && !first) this.#map.easeTo({ center: [e.lon, e.lat], duration: 300 });
  }

  whole(): void {
    this.#map.fitBounds(boundsOf(this.#options.room), { padding: 60, duration: 300 });
  }

  close(): void {
    this.#map.remove();
  }

  #load(): void {
    const nothing = { type: "FeatureCollection" as const, features: [] };
    for (const id of ["sites", "teams", "incidents"])
      this.#map.addSource(id, { type: "geojson", data: nothing });
    for (const layer of layers()) this.#map.addLayer(layer);
    this.#ready = true;
    const latest = this.#latest;
    this.#latest = undefined;
    if (latest) this.show(latest);
  }

  #source(id: string): GeoJSONSource {
    const source = this.#map.getSource<GeoJSONSource>(id);
    if (!source) throw new Error(`the map has lost its source ${id}`);
    return source;
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

/** The name of an image is all that it shows: see images.ts. */
function image(look: Look, ...parts: ExpressionSpecification[]): ExpressionSpecification {
  return ["concat", imageName(look), ...parts.flatMap((p): (string | ExpressionSpecification)[] => ["|", p])];
}

/** What stands at the same place is set side by side, so many pixels apart. */
function bySlot(apart: number): ExpressionSpecification {
  return [
    "interpolate",
    ["linear"],
    ["get", "slot"],
    0,
    ["literal", [0, 0]],
    20,
    ["literal", [20 * apart, 0]],
  ];
}

function layers(): LayerSpecification[] {
  const symbol = (id: string, layout: object): LayerSpecification => ({
    id,
    type: "symbol",
    source: id,
    layout: { "icon-allow-overlap": true, "icon-ignore-placement": true, ...layout },
  });
  return [
    symbol("sites", { "icon-image": image("site", ["get", "name"]), "icon-anchor": "top" }),
    symbol("teams", {
      "icon-image": image("team", ["get", "name"], ["get", "status"], ["to-string", ["get", "estimated"]]),
      "icon-anchor": "bottom-left",
      "icon-offset": bySlot(74),
    }),
    symbol("incidents", {
      "icon-image": image("incident", ["get", "id"], ["to-string", ["get", "priority"]]),
      "icon-anchor": "bottom-right",
      "icon-offset": bySlot(-58),
    }),
  ];
}
