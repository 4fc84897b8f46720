// Words in two languages. A list is an object of the English words; the French one has the same names, or does not compile.

import { type Language, usePreferences } from "./preferences";

/** A word, or what makes one of its parts. */
type Word = string | ((...parts: never[]) => string);

/** The French list of an English one. */
export type Same<W extends Record<string, Word>> = {
  [K in keyof W]: W[K] extends (...parts: infer P) => string ? (...parts: P) => string : string;
};

export type Dictionary<W extends Record<string, Word>> = Record<Language, Same<W>>;

/** The words of the language that was chosen. */
export function useWords<W extends Record<string, Word>>(dictionary: Dictionary<W>): Same<W> {
  return dictionary[usePreferences().language];
}
