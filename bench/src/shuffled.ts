// Which variant of a round comes first is left to chance, so that none always has the warmer machine.

/** A new array in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], draw: () => number): T[] {
  const list = [...items];
  for (let index = list.length - 1; index > 0; index -= 1) {
    const other = Math.floor(draw() * (index + 1));
    [list[index], list[other]] = [list[other]!, list[index]!];
  }
  return list;
}
