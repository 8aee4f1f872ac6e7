// The names of the bank's keys: one hash tag per market, so that one script may touch them all.

/** `{<market>}:meta`, the key by which every script finds the others. */
export function metaKey(market: string): string {
  return `{${market}}:meta`;
}

/** Any other key of the market: `marketKey('m', 'acct', 'a1')` is `{m}:acct:a1`. */
export function marketKey(market: string, name: string, id?: string): string {
  return id === undefined ? `{${market}}:${name}` : `{${market}}:${name}:${id}`;
}
