import { ConfigError } from '@formers/backend';

import {
  constant,
  type Curve,
  inverseSquareRoot,
  type Schedule,
  warmupConstant,
  warmupCosine,
  warmupCosineFromFirst,
  warmupCosineRestarts,
  warmupLinear,
  warmupPolynomial,
  warmupStableDecay,
} from './schedules.ts';

/** Arguments of Hugging Face's schedules, in its own spelling: `num_warmup_steps`, `num_training_steps`, `num_cycles`, ... */
export type HuggingFaceScheduleOptions = Readonly<Record<string, unknown>>;

/** The names of `lr_scheduler_type` that {@link huggingFaceSchedule} knows. */
export const scheduleNames: readonly string[] = [
  'constant',
  'constant_with_warmup',
  'linear',
  'cosine',
  'cosine_with_restarts',
  'cosine_with_min_lr',
  'cosine_warmup_with_min_lr',
  'polynomial',
  'inverse_sqrt',
  'warmup_stable_decay',
];

/**
 * A schedule by the name that Hugging Face gives it.
 *
 * @param name A value of `lr_scheduler_type`, such as `cosine`, or the name of the function behind it, such as `get_cosine_schedule_with_warmup`.
 * @param options Its arguments, and `learning_rate`.
 * @throws {@link ConfigError} for an unknown name, or an argument that is missing or malformed.
 */
export function huggingFaceSchedule(name: string, options: HuggingFaceScheduleOptions): Schedule {
  const read = (key: string, fallback?: number): number => {
    const value = options[key] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new ConfigError(
      `huggingFaceSchedule: ${name} needs a number for ${key}, got ${JSON.stringify(value) ?? 'nothing'}`,
    );
  };
  const curve = (key: string, fallback: Curve): Curve => {
    const value = options[key] ?? fallback;
    if (value === 'linear' || value === 'cosine' || value === '1-sqrt') return value;
    throw new ConfigError(`huggingFaceSchedule: ${key} must be linear, cosine or 1-sqrt, got ${JSON.stringify(value)}`);
  };
  const peak = read('learning_rate');
  const warmup = read('num_warmup_steps', 0);
  const total = (): number => read('num_training_steps');
  /** Hugging Face takes the floor as a rate or as a share of the peak. */
  const floor = (): number => (options['min_lr_rate'] === undefined ? read('min_lr') : read('min_lr_rate') * peak);

  switch (SHORT_NAMES.get(name) ?? name) {
    case 'constant':
      return constant({ peak });
    case 'constant_with_warmup':
      return warmupConstant({ peak, warmup });
    case 'linear':
      return warmupLinear({ peak, warmup, total: total() });
    case 'cosine':
      return warmupCosine({ peak, warmup, total: total(), cycles: read('num_cycles', 0.5) });
    case 'cosine_with_restarts':
      return warmupCosineRestarts({ peak, warmup, total: total(), cycles: read('num_cycles', 1) });
    case 'cosine_with_min_lr':
      return warmupCosine({ peak, warmup, total: total(), floor: floor(), cycles: read('num_cycles', 0.5) });
    case 'cosine_warmup_with_min_lr': {
      const first = options['warmup_lr_rate'] === undefined ? undefined : read('warmup_lr_rate');
      return warmupCosineFromFirst({
        peak,
        warmup,
        total: total(),
        floor: floor(),
        cycles: read('num_cycles', 0.5),
        ...(first !== undefined && { first }),
      });
    }
    case 'polynomial':
      return warmupPolynomial({ peak, warmup, total: total(), floor: read('lr_end', 1e-7), power: read('power', 1) });
    case 'inverse_sqrt':
      return inverseSquareRoot({ peak, warmup, timescale: read('timescale', warmup || 10_000) });
    case 'warmup_stable_decay': {
      const decay = read('num_decay_steps');
      const stable = options['num_stable_steps'] === undefined ? total() - warmup - decay : read('num_stable_steps');
      return warmupStableDecay({
        peak,
        warmup,
        stable,
        decay,
        floorShare: read('min_lr_ratio', 0),
        warmupCurve: curve('warmup_type', 'linear'),
        decayCurve: curve('decay_type', 'cosine'),
        cycles: read('num_cycles', 0.5),
      });
    }
    default:
      throw new ConfigError(
        `huggingFaceSchedule: no schedule is called ${JSON.stringify(name)}; there are ${scheduleNames.join(', ')}`,
      );
  }
}

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ['get_constant_schedule', 'constant'],
  ['get_constant_schedule_with_warmup', 'constant_with_warmup'],
  ['get_linear_schedule_with_warmup', 'linear'],
  ['get_cosine_schedule_with_warmup', 'cosine'],
  ['get_cosine_with_hard_restarts_schedule_with_warmup', 'cosine_with_restarts'],
  ['get_cosine_with_min_lr_schedule_with_warmup', 'cosine_with_min_lr'],
  ['get_cosine_with_min_lr_schedule_with_warmup_lr_rate', 'cosine_warmup_with_min_lr'],
  ['get_polynomial_decay_schedule_with_warmup', 'polynomial'],
  ['get_inverse_sqrt_schedule', 'inverse_sqrt'],
  ['get_wsd_schedule', 'warmup_stable_decay'],
]);
