/** How many symbols have to be put in, taken out or exchanged to make one list of another (Levenshtein 1966). */
export function editDistance(from: readonly unknown[], to: readonly unknown[]): number {
  let row = Array.from({ length: to.length + 1 }, (_, j) => j); // distances of an empty list to the starts of `to`
  for (const [i, symbol] of from.entries()) {
    const next = [i + 1];
    for (const [j, wanted] of to.entries())
      next.push(
        Math.min((next[j] as number) + 1, (row[j + 1] as number) + 1, (row[j] as number) + (symbol === wanted ? 0 : 1)),
      );
    row = next;
  }
  return row.at(-1) as number;
}
