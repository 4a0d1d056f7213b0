/** Linear position interpolation (Chen et al. 2023): positions count `factor` times less. */
export interface LinearScaling {
  type: 'linear';
  factor: number;
}

/** Dynamic NTK (bloc97 and emozilla 2023): theta grows with the length, once it is over the one of the pretraining. */
export interface DynamicScaling {
  type: 'dynamic';
  factor: number;
  /** Positions of the pretraining. */
  originalContextLength: number;
}

/** YaRN (Peng et al. 2023): slow pairs are interpolated, fast ones are not, with a ramp between; scores are sharpened. */
export interface YarnScaling {
  type: 'yarn';
  factor: number;
  /** Positions of the pretraining. */
  originalContextLength: number;
  /** Pairs that turn at least so often within the original length stay as they are; default 32. */
  betaFast?: number;
  /** Pairs that turn at most so often are interpolated; default 1. */
  betaSlow?: number;
  /** Whether the ends of the ramp are rounded to whole pairs; default true. */
  truncate?: boolean;
  /** Factor of cosines and sines; default `0.1 ln(factor) + 1`, or the quotient of two such by mscale and mscaleAllDim (DeepSeek). */
  attentionFactor?: number;
  mscale?: number;
  mscaleAllDim?: number;
}

/** Llama 3.1's: as YaRN, but the ramp is over wavelengths and scores stay as they are. */
export interface Llama3Scaling {
  type: 'llama3';
  factor: number;
  /** Wavelengths over `originalContextLength / lowFrequencyFactor` are interpolated. */
  lowFrequencyFactor: number;
  /** Wavelengths under `originalContextLength / highFrequencyFactor` stay as they are. */
  highFrequencyFactor: number;
  /** Positions of the pretraining. */
  originalContextLength: number;
}

/** LongRoPE (Ding et al. 2024; Phi-3): a factor found by search for each pair, one list for short texts and one for long ones. */
export interface LongRopeScaling {
  type: 'longrope';
  /** How many times longer than the pretraining's the new length is; only the default of attentionFactor depends on it. */
  factor: number;
  /** For lengths up to originalContextLength, one per pair. */
  shortFactors: readonly number[];
  /** For longer ones. */
  longFactors: readonly number[];
  /** Positions of the pretraining. */
  originalContextLength: number;
  /** Factor of cosines and sines; default `√(1 + ln(factor) / ln(originalContextLength))`. */
  attentionFactor?: number;
}

/** Only the fastest pairs of the whole head turn, with the rates of whole heads (Gemma 4); `rotaryDim` says how many numbers they hold. */
export interface ProportionalScaling {
  type: 'proportional';
  /** Default 1. */
  factor?: number;
}

/** How rotary positions are stretched for texts longer than those of the pretraining. */
export type RotaryScaling =
  | LinearScaling
  | DynamicScaling
  | YarnScaling
  | Llama3Scaling
  | LongRopeScaling
  | ProportionalScaling;

/** What sets the angles of rotary positions. */
export interface RotaryAngles {
  headDim: number;
  /** How many numbers of each head are turned; default all. */
  rotaryDim?: number;
  /** Default 10,000. */
  theta?: number;
  scaling?: RotaryScaling;
}

/** How far each pair turns from one position to the next. */
export interface RotaryFrequencies {
  /** Radians per position, one per pair. */
  readonly frequencies: Float32Array;
  /** Factor of cosines and sines. */
  readonly attentionFactor: number;
}

const { fround } = Math;

/**
 * The frequencies of rotary positions, `theta^(-2i / rotaryDim)` (Su et al. 2021, section 3.2.2), and their scalings.
 * Rounded to float32 on the way as in Hugging Face's code, so that far positions get the angles that checkpoints were trained with.
 *
 * @param options.length Number of positions in force; `dynamic` and `longrope` depend on it.
 */
export function rotaryFrequencies(
  { headDim, rotaryDim = headDim, theta = 10_000, scaling }: RotaryAngles,
  { length = 0 }: { length?: number } = {},
): RotaryFrequencies {
  const pairs = Math.ceil(rotaryDim / 2);
  const plain = periods({ theta, pairs, dim: rotaryDim });
  switch (scaling?.type) {
    case undefined:
      return { frequencies: plain.map((period) => 1 / period), attentionFactor: 1 };
    case 'linear':
      return {
        frequencies: plain.map((period) => fround(1 / period) / fround(scaling.factor)),
        attentionFactor: 1,
      };
    case 'dynamic': {
      const { factor, originalContextLength } = scaling;
      const longer = fround(fround(fround(factor) * Math.max(length, originalContextLength)) / originalContextLength);
      const stretch = fround(longer - fround(factor - 1)) ** fround(rotaryDim / (rotaryDim - 2));
      const stretched = fround(fround(theta) * fround(stretch));
      return {
        frequencies: periods({ theta: stretched, pairs, dim: rotaryDim }).map((period) => 1 / period),
        attentionFactor: 1,
      };
    }
    case 'yarn':
      return {
        frequencies: mixYarn(plain, { ...scaling, rotaryDim, theta }),
        attentionFactor: scaling.attentionFactor ?? yarnAttentionFactor(scaling),
      };
    case 'llama3':
      return {
        frequencies: plain.map((period) => mixLlama3(fround(1 / period), scaling)),
        attentionFactor: 1,
      };
    case 'longrope': {
      const { factor, originalContextLength, shortFactors, longFactors } = scaling;
      const factors = Float32Array.from(length > originalContextLength ? longFactors : shortFactors);
      const sharpened = factor > 1 ? Math.sqrt(1 + Math.log(factor) / Math.log(originalContextLength)) : 1;
      return {
        frequencies: plain.map((period, i) => 1 / fround((factors[i] as number) * period)),
        attentionFactor: scaling.attentionFactor ?? sharpened,
      };
    }
    case 'proportional': {
      const frequencies = new Float32Array(headDim / 2); // those that don't turn stay 0
      const turning = periods({ theta, pairs: Math.floor(rotaryDim / 2), dim: headDim });
      frequencies.set(turning.map((period) => fround(1 / period) / fround(scaling.factor ?? 1)));
      return { frequencies, attentionFactor: 1 };
    }
  }
}

/** Positions per radian, `theta^(2i / dim)`. */
function periods({ theta, pairs, dim }: { theta: number; pairs: number; dim: number }): Float32Array {
  return Float32Array.from({ length: pairs }, (_, i) => fround(theta) ** fround((2 * i) / dim));
}

/** Peng et al. 2023, equations 17 to 23, with the ramp over pairs by number. */
function mixYarn(
  plainPeriods: Float32Array,
  {
    factor,
    originalContextLength,
    betaFast = 32,
    betaSlow = 1,
    truncate = true,
    rotaryDim,
    theta,
  }: YarnScaling & { rotaryDim: number; theta: number },
): Float32Array {
  /** The pair that turns so often within the original length. */
  const pairTurning = (times: number): number =>
    (rotaryDim * Math.log(originalContextLength / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairTurning(betaFast), pairTurning(betaSlow)];
  const first = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const last = Math.min(truncate ? Math.ceil(slow) : slow, rotaryDim - 1);
  const span = first === last ? 0.001 : last - first;
  return plainPeriods.map((period, i) => {
    const ramp = fround(fround(i - fround(first)) / fround(span));
    const kept = fround(1 - Math.min(1, Math.max(0, ramp))); // 1 = as it is, 0 = interpolated
    return fround(fround(1 / fround(fround(factor) * period)) * fround(1 - kept)) + fround(fround(1 / period) * kept);
  });
}

/** Peng et al. 2023, equation 22; with mscale as DeepSeek-V2 has it. */
function yarnAttentionFactor({ factor, mscale, mscaleAllDim }: YarnScaling): number {
  const sharpening = (scale: number): number => (factor > 1 ? 0.1 * scale * Math.log(factor) + 1 : 1);
  return mscale && mscaleAllDim ? sharpening(mscale) / sharpening(mscaleAllDim) : sharpening(1);
}

function mixLlama3(
  frequency: number,
  { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength }: Llama3Scaling,
): number {
  const wavelength = fround(fround(2 * Math.PI) / frequency);
  if (wavelength < originalContextLength / highFrequencyFactor) return frequency;
  if (wavelength > originalContextLength / lowFrequencyFactor) return frequency / fround(factor);
  const turns = fround(originalContextLength / wavelength); // within the original length
  const kept = fround(fround(turns - fround(lowFrequencyFactor)) / fround(highFrequencyFactor - lowFrequencyFactor));
  return fround(fround(fround(1 - kept) * frequency) / fround(factor)) + fround(kept * frequency);
}
