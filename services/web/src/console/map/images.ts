// Marks with their words, drawn here: the map needs no fonts from anywhere.

import type { Theme } from "../../ui/preferences";

export interface TeamLook {
  of: "team";
  text: string;
  status: string;
  estimated: boolean;
}

/** All that a mark shows. */
export type Look =
  | TeamLook
  | { of: "site"; text: string }
  | { of: "incident"; text: string; priority: number };

/** Marks have so many pixels for each that the page counts, each way. */
export const ratio = 2;
const dotSize = 11;
const font = "600 12px system-ui, sans-serif";

interface Colours {
  ink: string;
  panel: string;
  line: string;
  team: Record<string, string>;
  priority: Record<number, string>;
  onPriority: string;
}

const colours: Record<Theme, Colours> = {
  light: {
    ink: "#14181f",
    panel: "#ffffff",
    line: "#4d5766",
    team: { available: "#14683a", offered: "#7a4a00", unreachable: "#a3121f" },
    priority: { 1: "#a3121f", 2: "#7a4a00", 3: "#33597f" },
    onPriority: "#ffffff",
  },
  dark: {
    ink: "#e9edf2",
    panel: "#161b22",
    line: "#a7b2c1",
    team: { available: "#7bd6a0", offered: "#f3c26b", unreachable: "#ff9a96" },
    priority: { 1: "#ff8f8a", 2: "#f3c26b", 3: "#9cc2e8" },
    onPriority: "#14181f",
  },
};

const going = { light: "#0b5cad", dark: "#7fb8f5" };

/** Draws a mark with its words. */
export function drawMark(look: Look, theme: Theme): ImageBitmap {
  const c = colours[theme];
  switch (look.of) {
    case "site":
      return site(look.text, c);
    case "team":
      return badge(look, colourOf(look, theme), c);
    case "incident":
      return incident(`P${look.priority} ${look.text}`, c.priority[look.priority] ?? c.ink, c.onPriority);
  }
}

/** A team where there is no room for its name. */
export function drawDot(look: TeamLook, theme: Theme): ImageBitmap {
  const c = canvas(dotSize, dotSize);
  c.fillStyle = look.estimated ? colours[theme].panel : colourOf(look, theme);
  c.strokeStyle = look.estimated ? colourOf(look, theme) : colours[theme].panel;
  c.lineWidth = 2;
  c.beginPath();
  c.arc(dotSize / 2, dotSize / 2, dotSize / 2 - 1.5, 0, 2 * Math.PI);
  c.fill();
  c.stroke();
  return c.canvas.transferToImageBitmap();
}

function colourOf({ status }: TeamLook, theme: Theme): string {
  return colours[theme].team[status] ?? going[theme];
}

function canvas(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(Math.ceil(width * ratio), Math.ceil(height * ratio)).getContext("2d");
  if (!context) throw new Error("no canvas to draw on");
  context.scale(ratio, ratio);
  context.font = font;
  context.textBaseline = "middle";
  return context;
}

function widthOf(text: string): number {
  return Math.ceil(canvas(1, 1).measureText(text).width);
}

/** A cross for an entrance, and below it the name. */
function site(text: string, colours: Colours): ImageBitmap {
  const width = Math.max(16, widthOf(text) + 8);
  const c = canvas(width, 32);
  c.strokeStyle = colours.line;
  c.lineWidth = 3;
  c.beginPath();
  c.moveTo(width / 2, 1);
  c.lineTo(width / 2, 11);
  c.moveTo(width / 2 - 5, 6);
  c.lineTo(width / 2 + 5, 6);
  c.stroke();
  c.lineJoin = "round";
  c.strokeStyle = colours.panel;
  c.lineWidth = 3;
  c.textAlign = "center";
  c.strokeText(text, width / 2, 22);
  c.fillStyle = colours.ink;
  c.fillText(text, width / 2, 22);
  return c.canvas.transferToImageBitmap();
}

/** A team: round, with its call sign; dashed where its place is estimated. */
function badge({ text, estimated }: TeamLook, colour: string, { panel, ink }: Colours): ImageBitmap {
  const width = widthOf(text) + 18;
  const c = canvas(width, 22);
  c.fillStyle = panel;
  c.strokeStyle = colour;
  c.lineWidth = 2.5;
  if (estimated) c.setLineDash([3, 3]);
  c.beginPath();
  c.roundRect(2, 2, width - 4, 18, 9);
  c.fill();
  c.stroke();
  c.fillStyle = ink;
  c.textAlign = "center";
  c.fillText(text, width / 2, 11.5);
  return c.canvas.transferToImageBitmap();
}

/** An incident: square, filled. */
function incident(text: string, colour: string, ink: string): ImageBitmap {
  const width = widthOf(text) + 12;
  const c = canvas(width, 22);
  c.fillStyle = colour;
  c.beginPath();
  c.roundRect(1, 1, width - 2, 20, 3);
  c.fill();
  c.fillStyle = ink;
  c.textAlign = "center";
  c.fillText(text, width / 2, 11.5);
  return c.canvas.transferToImageBitmap();
}
