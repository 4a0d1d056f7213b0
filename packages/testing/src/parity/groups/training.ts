import path from 'node:path';

import { parseSafetensors, type SafetensorsFile, type StoredTensor, toFloat32 } from '@formers/checkpoints';
import type { PretrainedModel } from '@formers/nn';
import {
  Adafactor,
  type AdafactorOptions,
  AdamW,
  type AdamWOptions,
  huggingFaceSchedule,
  LoRA,
  type Optimizer,
  SGD,
  type SGDOptions,
  type Trainable,
} from '@formers/training';
import { dispose, type Scalar, transpose } from '@tensorflow/tfjs-core';

import { type Case, readCaseJson, readCaseTensors, type Tolerance, toleranceOf, Unsupported } from '../case.ts';
import type { Comparison } from '../comparison.ts';
import type { NamedTensors } from '../models/adapter.ts';
import { adapterOf } from '../models/index.ts';
import { toTensor } from '../tensors.ts';

/** The keys of a training case. */
interface TrainingDescription {
  readonly model_class: string;
  readonly steps: number;
  readonly gradient_accumulation: number;
  readonly clip_grad_norm: number | null;
  readonly optimizer: Readonly<Record<string, unknown>> & { readonly kind: string; readonly lr: number | null };
  readonly schedule: Readonly<Record<string, unknown>> & { readonly kind: string };
  readonly lora: object | null;
  readonly trajectory: readonly {
    readonly losses: number[];
    readonly loss: number;
    readonly grad_norm: number;
    /** Null where the optimizer finds its own. */
    readonly lr: number | null;
  }[];
  readonly float64: { readonly final_weight_difference: Readonly<Record<string, number>> };
}

type Model = PretrainedModel<never, unknown, object>;

/** A whole run: losses, gradient norms and learning rates of each step, and the weights at the end. */
export async function runTrainingCase(testCase: Case, comparison: Comparison): Promise<void> {
  const description = testCase.description as unknown as TrainingDescription;
  const adapter = adapterOf(description.model_class);
  checkOptimizer(description);
  const batches = await readCaseTensors(testCase.folder, 'batches.safetensors');
  const model = await adapter.load(path.join(testCase.folder, 'initial'));
  const lora = description.lora && (await LoRA.fromPretrained(model, path.join(testCase.folder, 'adapter_initial')));
  using optimizer = createOptimizer(lora ?? model, description);
  try {
    for (const [i, expected] of description.trajectory.entries()) {
      for (let micro = 0; micro < description.gradient_accumulation; micro++) {
        const inputs = microBatch(batches, [i, micro]);
        optimizer.accumulate((): Scalar => adapter.loss(model, inputs)); // equal weights: each adds its own mean
        dispose(inputs);
      }
      const result = optimizer.step();
      const compare = (
        key: 'loss' | 'grad_norm' | 'lr',
        name: string,
        values: [found: number[], expected: number[]],
      ): void =>
        comparison.numbers(`step ${i} ${name}`, values[0], {
          expected: values[1],
          tolerance: toleranceOf(testCase, key),
          through: THROUGH[key],
          stepsBefore: i,
        });
      compare('loss', 'losses', [await result.losses(), expected.losses]);
      compare('loss', 'loss', [[await result.loss()], [expected.loss]]);
      compare('grad_norm', 'grad_norm', [[await result.gradientNorm()], [expected.grad_norm]]);
      if (expected.lr !== null) compare('lr', 'lr', [[result.learningRate], [expected.lr]]);
    }
    await (lora
      ? compareAdapter(testCase, { lora, model, comparison })
      : compareFinal(testCase, model, { comparison }));
  } finally {
    lora?.dispose();
    model.dispose();
  }
}

const THROUGH = { loss: 'loss', grad_norm: 'gradients', lr: undefined } as const;

/** The options of each optimizer that are read. */
const OPTIMIZER_OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['AdamW', ['betas', 'eps', 'weight_decay', 'amsgrad', 'maximize']],
  ['SGD', ['weight_decay', 'momentum', 'dampening', 'nesterov', 'maximize']],
  [
    'Adafactor',
    ['eps', 'clip_threshold', 'decay_rate', 'beta1', 'weight_decay', 'scale_parameter', 'relative_step', 'warmup_init'],
  ],
]);

/** Others change nothing while they are off. */
function checkOptimizer({ optimizer: { kind, ...options } }: TrainingDescription): void {
  const known = OPTIMIZER_OPTIONS.get(kind);
  if (!known) throw new Unsupported(`the optimizer ${kind}`);
  const unknown = Object.keys(options).filter((name) => name !== 'lr' && !known.includes(name) && options[name]);
  if (unknown.length > 0) throw new Unsupported(`${kind} here has no option ${unknown.join(', ')}`);
}

type OptimizerDescription = Pick<TrainingDescription, 'optimizer' | 'schedule' | 'clip_grad_norm' | 'steps'>;

function scheduleOf(
  rate: number | null,
  { schedule: { kind, ...options }, steps }: Pick<TrainingDescription, 'schedule' | 'steps'>,
): number | ReturnType<typeof huggingFaceSchedule> {
  if (kind === 'none') return rate ?? 0;
  return huggingFaceSchedule(kind, { learning_rate: rate ?? 0, num_training_steps: steps, ...options });
}

function createAdafactor(
  model: Trainable,
  { optimizer, schedule, clip_grad_norm: clipNorm, steps }: OptimizerDescription,
): Adafactor {
  const { lr, eps, clip_threshold: clipThreshold, decay_rate: decayRate, beta1, weight_decay: weightDecay } = optimizer;
  const {
    scale_parameter: scaleParameter = true,
    relative_step: relative = true,
    warmup_init: warmupInit = false,
  } = optimizer;
  const [epsilon, leastScale] = (eps ?? []) as number[];
  const given = {
    clipThreshold,
    decayRate,
    beta1,
    weightDecay,
    epsilon,
    leastScale,
    clipNorm,
    warmupInit,
    scaleParameter,
  };
  const options = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
  );
  return new Adafactor(model, {
    ...options,
    ...(!relative && { learningRate: scheduleOf(lr, { schedule, steps }) }),
  } as AdafactorOptions);
}

function createOptimizer(
  model: Trainable,
  { optimizer, schedule, clip_grad_norm: clipNorm, steps }: OptimizerDescription,
): Optimizer {
  if (optimizer.kind === 'Adafactor')
    return createAdafactor(model, { optimizer, schedule, clip_grad_norm: clipNorm, steps });
  const {
    kind,
    lr,
    betas = [0.9, 0.999],
    eps: epsilon = 1e-8,
    weight_decay: weightDecay = kind === 'AdamW' ? 0.01 : 0,
    momentum = 0,
    dampening = 0,
    nesterov = false,
    amsgrad = false,
    maximize = false,
  } = optimizer;
  const learningRate = scheduleOf(lr, { schedule, steps });
  const options = { learningRate, weightDecay, maximize, ...(clipNorm !== null && { clipNorm }) };
  const [beta1, beta2] = betas as [number, number];
  return kind === 'AdamW'
    ? new AdamW(model, { ...options, beta1, beta2, epsilon, amsgrad } as AdamWOptions)
    : new SGD(model, { ...options, momentum, dampening, nesterov } as SGDOptions);
}

/** The tensors of one micro-batch out of [step, micro-batch, ...]. */
function microBatch({ tensors }: SafetensorsFile, [step, micro]: [number, number]): NamedTensors {
  const cut = ({ dtype, shape, bytes }: StoredTensor): StoredTensor => {
    const [, micros = 1, ...rest] = shape;
    const size = bytes.length / ((shape[0] ?? 1) * micros);
    return {
      dtype,
      shape: rest,
      bytes: bytes.subarray((step * micros + micro) * size, (step * micros + micro + 1) * size),
    };
  };
  return Object.fromEntries([...tensors].map(([name, stored]) => [name, toTensor(cut(stored))]));
}

/** The factors at the end, and the weights that they merge into. */
async function compareAdapter(
  testCase: Case,
  { lora, model, comparison }: { lora: LoRA; model: Model; comparison: Comparison },
): Promise<void> {
  const files = new Map<string, Uint8Array>();
  await lora.savePretrained(files);
  const found = parseSafetensors(files.get('adapter_model.safetensors') as Uint8Array).tensors;
  const { tensors } = await readCaseTensors(testCase.folder, 'adapter_final/adapter_model.safetensors');
  for (const [name, stored] of comparison.isHalf ? [] : tensors) {
    const own = found.get(name);
    if (own)
      comparison.numbers(`final ${name}`, toFloat32(own), {
        expected: toFloat32(stored),
        tolerance: finalTolerance(testCase, name),
      });
    else comparison.wrong(`final ${name}: no such tensor`);
  }
  lora.merge();
  await compareFinal(testCase, model, { comparison, file: 'merged/model.safetensors' });
}

/** The rule of the cases: a weight whose true gradient is zero moves by rounding noise alone. @param names Those that it may have in the table of noise. */
function finalTolerance({ description }: Case, ...names: readonly string[]): Tolerance {
  const { final_weight_difference: differences } = (description as unknown as TrainingDescription).float64;
  const [noise = 0] = names.flatMap((name) => differences[name] ?? []);
  return { rtol: 0, atol: Math.max(1e-4, 20 * noise) };
}

/** What PEFT calls a bias that it trains beside its factors, by the name in the checkpoint. */
function adapterNamesOf({ format }: Model, name: string): string[] {
  const { classNames = [] } = format;
  const inClass = classNames.reduce((text, [from, to]) => text.replace(from, to), name);
  return [inClass, inClass.replace(/bias$/, 'base_layer.bias')].map((own) => `base_model.model.${own}`);
}

async function compareFinal(
  testCase: Case,
  model: Model,
  { comparison, file = 'final.safetensors' }: { comparison: Comparison; file?: string },
): Promise<void> {
  const { tensors } = await readCaseTensors(testCase.folder, file);
  const names = model.fileNames();
  const parameters = new Map(
    [...model.namedParameters()].map(([path, variable]) => [
      names.get(path)?.name,
      { variable, transposed: names.get(path)?.transpose },
    ]),
  );
  const before = comparison.isHalf ? await readCaseTensors(testCase.folder, 'initial/model.safetensors') : undefined;
  const squares = { error: 0, way: 0 };
  for (const [name, stored] of tensors) {
    const parameter = parameters.get(name);
    if (!parameter) {
      comparison.wrong(`final ${name}: no such parameter`);
      continue;
    }
    const laidOut = parameter.transposed ? transpose(parameter.variable) : parameter.variable.clone();
    const tolerance = finalTolerance(testCase, name, ...adapterNamesOf(model, name));
    const [found, expected, initial] = [await laidOut.data(), toFloat32(stored), before?.tensors.get(name)];
    if (initial) {
      squares.error += squaredDistance(found, expected);
      squares.way += squaredDistance(toFloat32(initial), expected);
    } else comparison.numbers(`final ${name}`, found, { expected, tolerance });
    laidOut.dispose();
  }
  if (comparison.isHalf) {
    const limit = { rtol: 0, atol: WAY_SHARE };
    comparison.numbers('final weights', [Math.sqrt(squares.error / squares.way)], { expected: [0], tolerance: limit });
  }
}

/**
 * With f16 storage, how far all weights together may end from where they should, as a share of the way they went. Number by number says nothing there: AdamW and Adafactor
 * divide a gradient by its size, so that one that is nearly zero takes a whole step in either direction.
 */
const WAY_SHARE = 1 / 8;

function squaredDistance(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += ((left[i] as number) - (right[i] as number)) ** 2;
  return sum;
}

/** One line of schedules.json. */
interface ScheduleCase {
  readonly function: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly base_lr: number;
  readonly lr: readonly number[];
}

/** The schedules of a table by name: the rate of every step. */
export async function scheduleCases({ folder }: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const cases = await readCaseJson<Record<string, ScheduleCase>>(folder, 'schedules.json');
  return Object.entries(cases).map(([name, { function: schedule, options, base_lr: peak, lr }]) => [
    name,
    (comparison) => {
      const rate = huggingFaceSchedule(schedule, { learning_rate: peak, num_training_steps: lr.length, ...options });
      comparison.numbers(
        'lr',
        lr.map((_, step) => rate(step)),
        { expected: lr, tolerance: { rtol: 1e-9, atol: 1e-12 } },
      );
      return Promise.resolve();
    },
  ]);
}
