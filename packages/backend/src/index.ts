export { capture, type Captured, type CaptureKind, report, reportAsEncoder } from './capture.ts';
export { checkpoint } from './checkpoint.ts';
export { defineMultiOp, type MultiOp, type MultiOpDefinition } from './define-multi-op.ts';
export { defineOp, hasKernel, type Op, type OpDefinition, type OpInputs } from './define-op.ts';
export { type DropoutSeed, nextDropoutKey, replayDropout, withDropout, withoutDropout } from './dropout-scope.ts';
export {
  activate,
  type BackendChoice,
  cpu,
  type EngineFactory,
  type EngineInfo,
  tfjsBackend,
  useBackend,
} from './engines.ts';
export {
  BackendError,
  checkShape,
  ConfigError,
  DeviceLostError,
  FormersError,
  ShapeError,
  ValueError,
} from './errors.ts';
export {
  activate as applyActivation,
  type Activation,
  ACTIVATIONS,
  type FusedActivation,
  gated,
  gelu,
  geluTanh,
  silu,
} from './ops/activation.ts';
export { type AdafactorNumbers, type AdafactorSlot, adafactorStep } from './ops/adafactor-step.ts';
export { addLayerNorm, addRMSNorm, type SumAndNorm } from './ops/add-norm.ts';
export {
  attend,
  type AttendAttributes,
  type AttendOptions,
  attentionWeights,
  mergeHeads,
  selfAttend,
  splitHeads,
} from './ops/attend.ts';
export { attendMerged, type AttendMergedOptions } from './ops/attend-merged.ts';
export { crossEntropy, type CrossEntropyOptions, linearCrossEntropy } from './ops/cross-entropy.ts';
export { dropout, dropoutMask } from './ops/dropout.ts';
export { embedding } from './ops/embedding.ts';
export { linear, type LinearOptions } from './ops/linear.ts';
export { type LionNumbers, type LionSlot, lionStep } from './ops/lion-step.ts';
export { type MuonNumbers, type MuonSlot, muonStep } from './ops/muon-step.ts';
export { layerNorm, type LayerNormParameters, rmsNorm } from './ops/norm.ts';
export { type AdamWNumbers, type AdamWSlot, adamWStep, globalNorm, gradientScale } from './ops/optimizer-steps.ts';
export { gru, lstm, type RecurrentOptions, rnn } from './ops/recurrent.ts';
export { rotary, type RotaryOptions } from './ops/rotary.ts';
export { type SGDNumbers, type SGDSlot, sgdStep } from './ops/sgd-step.ts';
export { type StepValues, stepValues, type StepValuesOptions } from './ops/step-values.ts';
export { writeTokens } from './ops/write-tokens.ts';
export {
  normalValues,
  type RandomKey,
  randomKey,
  type RandomState,
  RandomStream,
  threefry2x32,
  uniformValues,
} from './random.ts';
export { isInGradient, isTapeOn, type ValueAndGradients, valueAndGradients, vjp, withoutTape } from './tape.ts';
