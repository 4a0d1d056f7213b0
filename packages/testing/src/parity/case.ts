import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { parseSafetensors, type SafetensorsFile } from '@formers/checkpoints';

/** A folder of known answers, as its case.json describes it. */
export interface Case {
  readonly folder: string;
  readonly name: string;
  readonly group: string;
  readonly description: CaseDescription;
}

/** The keys of a case.json that the groups read. */
export interface CaseDescription {
  readonly name?: string;
  readonly group?: string;
  readonly model_class?: string;
  /** Of a model of another library than Transformers. */
  readonly framework_class?: string;
  readonly compare?: 'all' | 'attention_mask';
  readonly scalar?: { readonly formula: string };
  readonly tolerance?: Readonly<Record<string, Tolerance | string>>;
  readonly [key: string]: unknown;
}

/** A value passes when `|found - expected| <= atol + rtol * |expected|`. */
export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

/** What came of a case, or of a part of one. */
export interface CaseResult {
  readonly group: string;
  readonly name: string;
  readonly status: 'pass' | 'fail' | 'unsupported';
  /** How many values or texts were compared. */
  readonly compared: number;
  /** The largest error as a share of its tolerance; over 1 fails. */
  readonly worst: number;
  /** Why it failed or isn't supported; where the worst error is. */
  readonly detail: string;
}

/** Something that we have no code for. Turns a case into `unsupported`. */
export class Unsupported extends Error {}

/** Reads a JSON file of a case. */
export async function readCaseJson<T>(folder: string, name: string): Promise<T> {
  return JSON.parse(await readFile(path.join(folder, name), 'utf8')) as T;
}

/** Reads a safetensors file of a case. */
export async function readCaseTensors(folder: string, name: string): Promise<SafetensorsFile> {
  return parseSafetensors(await readFile(path.join(folder, name)));
}

/** A tolerance by its key in case.json. */
export function toleranceOf({ description }: Case, key: string): Tolerance {
  const tolerance = description.tolerance?.[key];
  if (typeof tolerance !== 'object') throw new Error(`case.json: tolerance.${key} must be { rtol, atol }`);
  return tolerance;
}
