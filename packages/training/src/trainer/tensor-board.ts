import crc32c from 'crc-32/crc32c.js';
import { PbfWriter } from 'pbf';

import { type FileSystem, joinPath, processInfo } from '../checkpoints/file-system.ts';
import type { LogRecord } from './events.ts';

/** Fields of TensorFlow's `Event`, `Summary`, `Summary.Value` and `SessionLog`. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY_VALUE = 1;
const VALUE = { tag: 1, simpleValue: 2 } as const;
const SESSION_STATUS = 1;
const SESSION_START = 1;

/** Writes records as scalars to a file that TensorBoard reads, `runs/events.out.tfevents.<time>.<host>`; `train/loss`, `eval/loss`, as Transformers calls them. */
export class TensorBoardLog {
  readonly #out: string;
  readonly #fileSystem: FileSystem;
  readonly #seconds: () => number;
  #path: string | undefined;

  /** @param options.seconds The time since 1970. */
  constructor(out: string, { fileSystem, seconds }: { fileSystem: FileSystem; seconds: () => number }) {
    this.#out = out;
    this.#fileSystem = fileSystem;
    this.#seconds = seconds;
  }

  async append(record: LogRecord): Promise<void> {
    const { step = 0 } = record;
    const scalars = Object.entries(record).filter(([name]) => name !== 'step');
    const wallTime = this.#seconds();
    const summary = new PbfWriter();
    for (const [name, value] of scalars)
      summary.writeMessage(
        SUMMARY_VALUE,
        (scalar, pbf) => {
          pbf.writeStringField(VALUE.tag, scalar.tag);
          pbf.writeFloatField(VALUE.simpleValue, scalar.value);
        },
        { tag: name.startsWith('eval_') ? `eval/${name.slice('eval_'.length)}` : `train/${name}`, value },
      );
    const path = (this.#path ??= await this.#begin(step));
    await this.#fileSystem.append(path, recordOf({ wallTime, step, summary: summary.finish() }));
  }

  /** Begins a file: its version, then the step from which on what older files say doesn't count. */
  async #begin(step: number): Promise<string> {
    const folder = joinPath(this.#out, 'runs');
    const wallTime = this.#seconds();
    const path = joinPath(folder, `events.out.tfevents.${Math.floor(wallTime * 1000)}.${processInfo().host}`);
    await this.#fileSystem.makeFolder(folder);
    await this.#fileSystem.append(path, recordOf({ wallTime, version: 'brain.Event:2' }));
    await this.#fileSystem.append(path, recordOf({ wallTime, step, starts: true }));
    return path;
  }
}

/** What an `Event` may say. */
interface EventFields {
  readonly wallTime: number;
  readonly step?: number;
  readonly version?: string;
  readonly summary?: Uint8Array;
  /** Whether a session starts here. */
  readonly starts?: boolean;
}

/** An event as a TFRecord: its length, a checksum of that, the event, a checksum of that. */
function recordOf({ wallTime, step, version, summary, starts }: EventFields): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeDoubleField(EVENT.wallTime, wallTime);
  if (step !== undefined) pbf.writeVarintField(EVENT.step, step);
  if (version !== undefined) pbf.writeStringField(EVENT.fileVersion, version);
  if (summary !== undefined) pbf.writeBytesField(EVENT.summary, summary);
  if (starts)
    pbf.writeMessage(EVENT.sessionLog, (status, log) => log.writeVarintField(SESSION_STATUS, status), SESSION_START);
  const event = pbf.finish();
  const bytes = new Uint8Array(event.length + 16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(event.length), true);
  view.setUint32(8, maskedChecksum(bytes.subarray(0, 8)), true);
  bytes.set(event, 12);
  view.setUint32(12 + event.length, maskedChecksum(event), true);
  return bytes;
}

/** CRC-32C, turned and shifted as TFRecords have it. */
function maskedChecksum(bytes: Uint8Array): number {
  const checksum = crc32c.buf(bytes) >>> 0;
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
