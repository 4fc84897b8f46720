// The marks of the map, on a canvas of their own over it: teams move every second, and the ground, which is dear to draw, stays as it
// is. Each mark is drawn once and kept.

import type { Map as MapLibre } from "maplibre-gl";
import type { Theme } from "../../ui/preferences";
import type { Mark } from "./features";
import { drawDot, drawMark, ratio } from "./images";

/** From below to above. */
export interface Marks {
  sites: readonly Mark[];
  teams: readonly Mark[];
  incidents: readonly Mark[];
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** So many that stand at the same place share a line. */
const inLine = 3;

export class MarkCanvas {
  #map: MapLibre;
  #theme: Theme;
  #canvas = document.createElement("canvas");
  #marks: Marks = { sites: [], teams: [], incidents: [] };
  #drawn = new Map<string, ImageBitmap>();
  /** Where each incident is drawn. */
  #incidents: (Box & { id: string })[] = [];

  constructor(map: MapLibre, theme: Theme) {
    this.#map = map;
    this.#theme = theme;
    this.#canvas.className = "marks";
    map.getCanvasContainer().append(this.#canvas);
    map.on("render", () => this.#draw());
  }

  show(marks: Marks): void {
    const { sites, teams, incidents } = this.#marks;
    if (marks.sites === sites && marks.teams === teams && marks.incidents === incidents) return;
    this.#marks = marks;
    this.#draw();
  }

  /** The incident that is drawn at a place of the map, the uppermost of several. */
  incidentAt({ x, y }: { x: number; y: number }): string | undefined {
    return this.#incidents.findLast((b) => x >= b.x && x <= b.x + b.width && y >= b.y && y <= b.y + b.height)
      ?.id;
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#map.getContainer();
    const context = this.#cleared(width, height);
    if (!context) return;
    const sight = { x: 0, y: 0, width, height };
    const { sites, teams, incidents } = this.#marks;
    const put = (image: ImageBitmap, { x, y, width, height }: Box) =>
      context.drawImage(image, x, y, width, height);
    for (const m of sites) this.#place(m, sight, put);
    const named: Box[] = [];
    for (const m of teams)
      this.#place(m, sight, (image, box, point) => {
        // Names that lie upon one another tell nothing: who has no room is a dot where they are.
        if (m.look.of === "team" && named.some((other) => overlap(box, other))) {
          const dot = this.#image(`dot ${m.look.status} ${m.look.estimated}`, drawDot, m.look);
          put(dot, centred(dot, point));
          return;
        }
        named.push(box);
        put(image, box);
      });
    this.#incidents = [];
    for (const m of incidents)
      this.#place(m, sight, (image, box) => {
        this.#incidents.push({ ...box, id: m.look.text });
        put(image, box);
      });
  }

  /** The canvas as large as the map is now, and empty; null while the map is not shown. */
  #cleared(width: number, height: number): CanvasRenderingContext2D | null {
    if (width === 0 || height === 0) return null;
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== across || canvas.height !== down)
      Object.assign(canvas, { width: across, height: down });
    const context = canvas.getContext("2d");
    context?.setTransform(scale, 0, 0, scale, 0, 0);
    context?.clearRect(0, 0, width, height);
    return context;
  }

  /** Gives a mark and where it goes, unless that is out of sight. */
  #place(
    m: Mark,
    sight: Box,
    put: (image: ImageBitmap, box: Box, point: { x: number; y: number }) => void,
  ): void {
    const point = this.#map.project([m.lon, m.lat]);
    const image = this.#image(JSON.stringify(m.look), drawMark, m.look);
    const box = beside(m, point, { width: image.width / ratio, height: image.height / ratio });
    if (overlap(box, sight)) put(image, box, point);
  }

  #image<L>(name: string, draw: (look: L, theme: Theme) => ImageBitmap, look: L): ImageBitmap {
    let image = this.#drawn.get(name);
    if (!image) {
      if (this.#drawn.size >= mostKept) this.#drawn.clear();
      image = draw(look, this.#theme);
      this.#drawn.set(name, image);
    }
    return image;
  }
}

/** A large group's marks in all their states; a night of incidents must not be kept for ever. */
const mostKept = 4_000;

/** Sites hang below their place, teams stand to the right above it and incidents to the left. */
function beside({ look, slot }: Mark, { x, y }: { x: number; y: number }, size: Omit<Box, "x" | "y">): Box {
  const { width, height } = size;
  const along = slot % inLine;
  const up = Math.floor(slot / inLine) * (height + 2);
  switch (look.of) {
    case "site":
      return { x: x - width / 2, y, ...size };
    case "team":
      return { x: x + along * (width + 2), y: y - height - up, ...size };
    case "incident":
      return { x: x - width - along * (width + 2), y: y - height - up, ...size };
  }
}

function centred(image: ImageBitmap, { x, y }: { x: number; y: number }): Box {
  const [width, height] = [image.width / ratio, image.height / ratio];
  return { x: x - width / 2, y: y - height / 2, width, height };
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
