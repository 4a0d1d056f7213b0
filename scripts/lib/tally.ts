/** How checks went: counts, and the names behind them. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed: names, each with lines below it that say why. */
  readonly failures: readonly string[];
  /** What was skipped, by name; a name says what was missing. */
  readonly skips: readonly string[];
}

/** One check that passed. */
export const pass: Tally = { passed: 1, failed: 0, skipped: 0, failures: [], skips: [] };

/** One check that failed, and lines that say why. */
export function fail(name: string, reason = ''): Tally {
  return { passed: 0, failed: 1, skipped: 0, failures: [because(name, reason)], skips: [] };
}

/** A failure's name with its reason below it. */
export function because(name: string, reason: string): string {
  return reason === '' ? name : `${name}\n${reason}`;
}

/** One check that could not be made, and why. */
export function skip(nameAndReason: string): Tally {
  return { passed: 0, failed: 0, skipped: 1, failures: [], skips: [nameAndReason] };
}

/** The sum of several tallies. */
export function total(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, tally) => sum + tally.passed, 0),
    failed: tallies.reduce((sum, tally) => sum + tally.failed, 0),
    skipped: tallies.reduce((sum, tally) => sum + tally.skipped, 0),
    failures: tallies.flatMap(({ failures }) => failures),
    skips: tallies.flatMap(({ skips }) => skips),
  };
}

/** Prints what was skipped and what failed, then the counts as the last line; sets the exit code to 1 on any failure. */
export function conclude(tally: Tally): void {
  process.stdout.write(`${conclusion(tally).join('\n')}\n`);
  process.exitCode = tally.failed === 0 ? 0 : 1;
}

/** The lines that {@link conclude} prints. Only the first ten failures have their reasons, so that all names are in sight. */
export function conclusion({ passed, failed, skipped, failures, skips }: Tally): string[] {
  return [
    ...section('Skipped:', skips),
    ...section(
      'Failed:',
      failures.map((failure, i) => (i < 10 ? failure.replaceAll('\n', '\n      ') : (failure.split('\n')[0] ?? ''))),
    ),
    '',
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ];
}

function section(title: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : ['', title, ...names.map((name) => `  ${name}`)];
}
