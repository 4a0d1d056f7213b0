/** The learning rate of a step. Steps count from 0; a schedule is a pure function, so that there is no state to save. */
export type Schedule = (step: number) => number;

/** Every schedule here starts from, or rises to, this rate. */
export interface Peak {
  peak: number;
}

/** Steps in which the rate rises in a line from 0 (which the first step uses) to the peak. */
export interface Warmup {
  warmup: number;
}

/** Steps of the run. The formulas are Hugging Face's, also for steps after it: a cosine rises again there. */
export interface Total {
  total: number;
}

/** Always the same rate (`get_constant_schedule`). */
export function constant({ peak }: Peak): Schedule {
  return () => peak;
}

/** Warm-up, then constant (`get_constant_schedule_with_warmup`). */
export function warmupConstant({ peak, warmup }: Peak & Warmup): Schedule {
  return warmedUp({ peak, warmup }, () => 1);
}

/** Warm-up, then in a line to 0 (`get_linear_schedule_with_warmup`). */
export function warmupLinear({ peak, warmup, total }: Peak & Warmup & Total): Schedule {
  return warmedUp({ peak, warmup }, (step) => Math.max(0, (total - step) / Math.max(1, total - warmup)));
}

/**
 * Warm-up, then along a cosine to `floor` (`get_cosine_schedule_with_warmup`, with a floor `get_cosine_with_min_lr_schedule_with_warmup`; Loshchilov
 * and Hutter 2017, equation 5).
 *
 * @param options.floor Smallest rate; default 0.
 * @param options.cycles Waves of the cosine; default a half.
 */
export function warmupCosine({
  peak,
  warmup,
  total,
  floor = 0,
  cycles = 0.5,
}: Peak & Warmup & Total & { floor?: number; cycles?: number }): Schedule {
  const floorShare = floor / peak;
  return warmedUp({ peak, warmup }, (step) => {
    const progress = (step - warmup) / Math.max(1, total - warmup);
    return Math.max(0, halfWave(Math.PI * cycles * 2 * progress) * (1 - floorShare) + floorShare);
  });
}

/** Warm-up, then cosines from the peak to 0, each starting anew (`get_cosine_with_hard_restarts_schedule_with_warmup`). */
export function warmupCosineRestarts({
  peak,
  warmup,
  total,
  cycles = 1,
}: Peak & Warmup & Total & { cycles?: number }): Schedule {
  return warmedUp({ peak, warmup }, (step) => {
    const progress = (step - warmup) / Math.max(1, total - warmup);
    return progress >= 1 ? 0 : Math.max(0, halfWave(Math.PI * ((cycles * progress) % 1)));
  });
}

/**
 * The cosine to `floor` with a warm-up that does not waste its first step (`get_cosine_with_min_lr_schedule_with_warmup_lr_rate`).
 *
 * @param options.first Share of the peak that the first step uses; default `1 / warmup`.
 */
export function warmupCosineFromFirst({
  peak,
  warmup,
  total,
  floor = 0,
  first,
  cycles = 0.5,
}: Peak & Warmup & Total & { floor?: number; first?: number; cycles?: number }): Schedule {
  const floorShare = floor / peak;
  return (step) => {
    if (step < warmup)
      return (
        peak *
        (first === undefined
          ? (step + 1) / Math.max(1, warmup)
          : first + ((1 - first) * step) / Math.max(1, warmup - 1))
      );
    const progress = (step - warmup + 1) / Math.max(1, total - warmup);
    return peak * Math.max(0, halfWave(Math.PI * cycles * 2 * progress) * (1 - floorShare) + floorShare);
  };
}

/**
 * nanoGPT's: warm-up by `(step + 1) / (warmup + 1)`, a half cosine to `floor` until step `total`, then `floor`.
 */
export function nanoGptCosine({ peak, warmup, total, floor }: Peak & Warmup & Total & { floor: number }): Schedule {
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
    if (step > total) return floor;
    return floor + halfWave(Math.PI * ((step - warmup) / (total - warmup))) * (peak - floor);
  };
}

/**
 * Warm-up, then a power of what is left of the run, down to `floor` (`get_polynomial_decay_schedule_with_warmup`).
 *
 * @param options.floor Last rate; default 1e-7.
 * @param options.power Default 1: a line.
 */
export function warmupPolynomial({
  peak,
  warmup,
  total,
  floor = 1e-7,
  power = 1,
}: Peak & Warmup & Total & { floor?: number; power?: number }): Schedule {
  return warmedUp({ peak, warmup }, (step) => {
    if (step > total) return floor / peak;
    const left = 1 - (step - warmup) / (total - warmup);
    return ((peak - floor) * left ** power + floor) / peak;
  });
}

/** Warm-up, then `peak / √(step / timescale)` (`get_inverse_sqrt_schedule`). `timescale` is the warm-up, or 10,000 without one. */
export function inverseSquareRoot({
  peak,
  warmup,
  timescale = warmup || 10_000,
}: Peak & Warmup & { timescale?: number }): Schedule {
  return warmedUp({ peak, warmup }, (step) => 1 / Math.sqrt((step + timescale - warmup) / timescale));
}

/** The original Transformer's: `factor · dim^-0.5 · min(n^-0.5, n · warmup^-1.5)` for n = step + 1 (Vaswani et al. 2017, equation 3). */
export function noam({ dim, warmup, factor = 1 }: Warmup & { dim: number; factor?: number }): Schedule {
  return (step) => factor * dim ** -0.5 * Math.min((step + 1) ** -0.5, (step + 1) * warmup ** -1.5);
}

/** How a rate goes from one level to another. */
export type Curve = 'linear' | 'cosine' | '1-sqrt';

/** Options of {@link warmupStableDecay}. */
export interface WarmupStableDecayOptions extends Peak, Warmup {
  /** Steps at the peak. */
  stable: number;
  /** Steps down to the floor. */
  decay: number;
  /** Share of the peak that the warm-up starts from and the decay ends at; default 0. */
  floorShare?: number;
  /** Default `linear`. */
  warmupCurve?: Curve;
  /** Default `cosine`. */
  decayCurve?: Curve;
  /** Waves of a decay by cosine; default a half. */
  cycles?: number;
}

/** Warm-up, a plateau, and a decay at the end (`get_wsd_schedule`; Hu et al. 2024, section 4). */
export function warmupStableDecay({
  peak,
  warmup,
  stable,
  decay,
  floorShare = 0,
  warmupCurve = 'linear',
  decayCurve = 'cosine',
  cycles = 0.5,
}: WarmupStableDecayOptions): Schedule {
  const rising: Record<Curve, (progress: number) => number> = {
    linear: (x) => x,
    cosine: (x) => 0.5 * (1 - Math.cos(Math.PI * x)),
    '1-sqrt': (x) => 1 - Math.sqrt(1 - x),
  };
  const falling: Record<Curve, (progress: number) => number> = {
    linear: (x) => 1 - x,
    cosine: (x) => halfWave(Math.PI * cycles * 2 * x),
    '1-sqrt': (x) => 1 - Math.sqrt(x),
  };
  const level = (factor: number): number => peak * Math.max(0, factor * (1 - floorShare) + floorShare);
  return (step) => {
    if (step < warmup) return level(rising[warmupCurve](step / Math.max(1, warmup)));
    if (step < warmup + stable) return peak;
    if (step < warmup + stable + decay)
      return level(falling[decayCurve]((step - warmup - stable) / Math.max(1, decay)));
    return peak * floorShare;
  };
}

/** `factor` of the peak after the steps of the warm-up. */
function warmedUp({ peak, warmup }: Peak & Warmup, factor: Schedule): Schedule {
  return (step) => peak * (step < warmup ? step / Math.max(1, warmup) : factor(step));
}

/** From 1 at angle 0 to 0 at π. */
function halfWave(angle: number): number {
  return 0.5 * (1 + Math.cos(angle));
}
