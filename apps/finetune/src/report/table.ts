/** Rows of cells as lines of text, columns on the right but for the first. */
export function textTable(rows: readonly (readonly (string | number)[])[]): string {
  const widths = rows.reduce<number[]>((most, row) => {
    for (const [column, cell] of row.entries()) most[column] = Math.max(most[column] ?? 0, String(cell).length);
    return most;
  }, []);
  const line = (row: readonly (string | number)[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? String(cell).padEnd(widths[0] ?? 0) : String(cell).padStart(widths[column] ?? 0),
      )
      .join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}
