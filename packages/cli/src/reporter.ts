import { SingleBar } from 'cli-progress';

import { metricsLine } from './metrics.ts';

/** A number of a training step, as it is logged; the spelling of the JSON records. */
export interface LogRecord {
  step: number;
  loss?: number;
  learning_rate?: number;
  grad_norm?: number;
  tokens_per_second?: number;
  seconds_left?: number;
  checkpoint?: string;
  [evaluated: `eval_${string}`]: number;
}

/** How a run tells what it does. */
export interface Reporter {
  /** A line of the head or the end. */
  note(line: string): void;
  /** Where the run stands; called at every step. */
  progress(record: LogRecord): void;
  /** A line of the log. */
  log(record: LogRecord): void;
  /** The last record. */
  summary(record: object): void;
  /** Takes the progress line off the screen. */
  close(): void;
}

/** What the numbers of a log line are measured by. */
interface Scale {
  readonly steps: number;
  /** What is counted per second. */
  readonly unit: string;
}

/** Options of {@link createReporter}. */
interface ReporterOptions extends Omit<Scale, 'unit'> {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  /** Default `tokens`. */
  readonly unit?: string;
}

/** One live line on a terminal, plain lines elsewhere, JSON records or nothing as asked. */
export function createReporter({ json = false, quiet = false, steps, unit = 'tokens' }: ReporterOptions): Reporter {
  if (json) return jsonReporter();
  if (quiet) return quietReporter();
  const scale = { steps, unit };
  return process.stdout.isTTY ? terminalReporter(scale) : plainReporter(scale);
}

const nothing = (): void => undefined;

function jsonReporter(): Reporter {
  const print = (record: object): void => console.log(JSON.stringify(record));
  return {
    note: nothing,
    progress: nothing,
    log: print,
    summary: (record) => print({ summary: true, ...record }),
    close: nothing,
  };
}

function quietReporter(): Reporter {
  return {
    note: nothing,
    progress: nothing,
    log: nothing,
    summary: (record) => console.log(JSON.stringify(record)),
    close: nothing,
  };
}

function plainReporter(scale: Scale): Reporter {
  return {
    note: (line) => console.log(line),
    progress: nothing,
    log: (record) => console.log(logLine(record, scale)),
    summary: nothing,
    close: nothing,
  };
}

function terminalReporter(scale: Scale): Reporter {
  const bar = new SingleBar({
    format: '{bar} {line}',
    barsize: 20,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    linewrap: false,
    stream: process.stdout,
  });
  let running = false;
  const above = (print: () => void): void => {
    if (running) bar.stop(); // cleared: what is printed stays above the line
    print();
    if (running) bar.start(scale.steps, 0, { line: '' });
  };
  const close = (): void => {
    if (running) bar.stop();
    running = false;
    process.off('exit', close);
  };
  return {
    note: (line) => above(() => console.log(line)),
    progress: (record) => {
      if (!running) {
        bar.start(scale.steps, record.step, { line: '' });
        process.on('exit', close); // a second Ctrl-C quits in the middle: the terminal gets its cursor back
      }
      running = true;
      bar.update(record.step, { line: logLine(record, scale) });
    },
    log: (record) => {
      if (record.loss === undefined) above(() => console.log(logLine(record, scale))); // evaluations and checkpoints
    },
    summary: nothing,
    close,
  };
}

function logLine(record: LogRecord, { steps, unit }: Scale): string {
  const parts = [`step ${String(record.step).padStart(String(steps).length)}/${steps}`];
  if (record.loss !== undefined) parts.push(`loss ${record.loss.toFixed(4)}`);
  if (record.learning_rate !== undefined) parts.push(`rate ${record.learning_rate.toExponential(2)}`);
  if (record.tokens_per_second !== undefined)
    parts.push(`${Math.round(record.tokens_per_second).toLocaleString('en')} ${unit}/s`);
  if (record.seconds_left !== undefined) parts.push(`${duration(record.seconds_left)} left`);
  const evaluated = Object.entries(record).flatMap(([name, value]) =>
    name.startsWith('eval_') && typeof value === 'number' ? [[name.slice(5), value] as const] : [],
  );
  if (evaluated.length > 0) parts.push(`held-out ${metricsLine(Object.fromEntries(evaluated))}`);
  if (record.checkpoint !== undefined) parts.push(`saved ${record.checkpoint}`);
  return parts.join('  ');
}

/** `12,345` */
export function grouped(number: number): string {
  return number.toLocaleString('en');
}

/** `3 heads`, `1 head`. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** `75` as `1:15`, `3700` as `1:01:40`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = (part: number): string => String(part).padStart(2, '0');
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}
