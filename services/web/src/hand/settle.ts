import { useEffect, useState } from "react";

/** For so long a new button takes no press: the second half of a double press must not answer what nobody has read. */
const settles = 700;

/** Whether the button of this name has been there for long enough. */
export function useSettled(name: string): boolean {
  const [settled, setSettled] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSettled(name), settles);
    return () => clearTimeout(timer);
  }, [name]);
  return settled === name;
}
