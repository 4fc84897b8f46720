// A device token comes in the fragment of the address, which no server is ever sent, or is pasted.

/** Takes the token out of the address, so that neither the history nor a look over the shoulder gives it away. */
export function takeToken(): string | undefined {
  const token = tokenIn(location.hash);
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}

/** The token in a fragment, in a whole address, or as it is. */
export function tokenIn(text: string): string | undefined {
  const said = text.trim();
  const inFragment = new URLSearchParams(said.split("#")[1] ?? "").get("token");
  if (inFragment) return inFragment;
  return /^[\w.~+/=-]+$/.test(said) && !said.includes("//") ? said : undefined;
}
