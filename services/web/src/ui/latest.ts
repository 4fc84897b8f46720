import { type RefObject, useEffect, useRef } from "react";

/** What was drawn last, for handlers that outlive a drawing. */
export function useLatest<T>(value: T): RefObject<T> {
  const ref = useRef(value);
  useEffect(() => {
    ref.current = value;
  });
  return ref;
}
