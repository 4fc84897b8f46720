/** The key of an event that is meant for the room, in lower case; undefined when it is somebody's typing or a browser's. */
export function keyOf(e: KeyboardEvent): string | undefined {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return undefined;
  // A key that is held down asks once; only who walks through a list goes on.
  if (e.repeat && !e.key.startsWith("Arrow")) return undefined;
  const at = e.target instanceof HTMLElement ? e.target : undefined;
  if (at?.isContentEditable || at?.matches("input, select, textarea")) return undefined;
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  // Enter and space are for the button that has the focus.
  if ((key === "Enter" || key === " ") && at?.matches("button, a[href], summary")) return undefined;
  // The map and lists that scroll have the arrows while they have the focus.
  if (key.startsWith("Arrow") && at?.closest(".maplibregl-map")) return undefined;
  return key;
}
