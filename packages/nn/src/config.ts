import { ACTIVATIONS, type Activation, ConfigError } from '@formers/backend';
import * as v from 'valibot';

import { PROBLEM_TYPES, type ProblemType } from './losses.ts';

/** A number with a condition; errors say what is wanted in these words. */
function number(wanted: string, condition: (value: number) => boolean): v.GenericSchema<number> {
  return v.pipe(v.number(wanted), v.check(condition, wanted));
}

const someNames = 'at least one name';
const size = number(
  'a whole number from 1 to 2^24',
  (value) => Number.isInteger(value) && value >= 1 && value <= 2 ** 24,
);

/** What options of a model may be, for the schema of {@link checkConfig}. */
export const configFields: {
  /** A whole number from 1 to 2²⁴: widths, depths, vocabularies. */
  readonly size: v.GenericSchema<number>;
  /** A dropout rate, from 0 to below 1. */
  readonly rate: v.GenericSchema<number>;
  /** A finite number of at least 0. */
  readonly amount: v.GenericSchema<number>;
  /** A token id. */
  readonly id: v.GenericSchema<number>;
  readonly optionalId: v.GenericSchema<number | undefined>;
  readonly choice: v.GenericSchema<boolean>;
  readonly activation: v.GenericSchema<Activation>;
  /** Names of classes, at least one. */
  readonly labels: v.GenericSchema<string[]>;
  readonly problemType: v.GenericSchema<ProblemType | undefined>;
} = {
  size,
  rate: number('a number from 0 to below 1', (value) => value >= 0 && value < 1),
  amount: number('a finite number of at least 0', (value) => Number.isFinite(value) && value >= 0),
  id: number('a whole number', Number.isInteger),
  optionalId: v.optional(number('a whole number', Number.isInteger)),
  choice: v.boolean('true or false'),
  activation: v.picklist(ACTIVATIONS, `one of ${ACTIVATIONS.join(', ')}`),
  labels: v.pipe(v.array(v.string('a name'), someNames), v.minLength(1, someNames)),
  problemType: v.optional(v.picklist(PROBLEM_TYPES, `one of ${PROBLEM_TYPES.join(', ')}`)),
};

/**
 * Checks the whole config of a model against a schema with a row for every option.
 *
 * @param name Of the config's type, for messages, such as `GPTConfig`.
 * @throws {@link ConfigError} naming the first option that is wrong, missing or unknown.
 */
export function checkConfig<Schema extends v.ObjectEntries>(
  name: string,
  config: object,
  entries: Schema,
): v.InferOutput<v.StrictObjectSchema<Schema, undefined>> {
  const result = v.safeParse(v.strictObject(entries), config);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const option = v.getDotPath(issue);
  if (issue.expected === 'never') throw new ConfigError(`${name}: there is no option ${option}`);
  throw new ConfigError(
    `${name}: ${option} must be ${issue.type === 'strict_object' ? 'given' : issue.message}, got ${issue.received}`,
  );
}

/** Beyond this a model can't be meant for this machine: 2³³ parameters, 32 GiB. */
const MOST_PARAMETERS = 2 ** 33;

/** @throws {@link ConfigError} for a model of more than 2³³ parameters, before anything is allocated. */
export function checkNumParameters(name: string, numParameters: number): void {
  if (numParameters > MOST_PARAMETERS)
    throw new ConfigError(`${name}: a model may have up to ${MOST_PARAMETERS} parameters, got about ${numParameters}`);
}
