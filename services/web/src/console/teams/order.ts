import type { Team } from "../../board/room";

const { compare } = new Intl.Collator(undefined, { numeric: true });

/** UNIT 2 comes before UNIT 10. */
export function byCallSign(a: Team, b: Team): number {
  return compare(a.call_sign, b.call_sign);
}
