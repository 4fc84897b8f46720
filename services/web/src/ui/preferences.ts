// What a person has chosen for this device: language and theme. Kept here, not on the server: it is about the screen.

import { useSyncExternalStore } from "react";

export type Language = "fr" | "en";
export type Theme = "light" | "dark";

export interface Preferences {
  language: Language;
  theme: Theme;
}

const key = "vigie.preferences";
const listeners = new Set<() => void>();
let current = read();

function read(): Preferences {
  const given: Preferences = {
    language: navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en",
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  };
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "{}");
    return { ...given, ...(kept as Partial<Preferences>) };
  } catch {
    return given;
  }
}

function show(p: Preferences): void {
  document.documentElement.lang = p.language;
  document.documentElement.dataset.theme = p.theme;
}

show(current);

/** Changes what is chosen, everywhere at once and without a reload. */
export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  show(current);
  try {
    localStorage.setItem(key, JSON.stringify(current));
  } catch {
    // A browser that keeps nothing still shows it for now.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, () => current);
}
