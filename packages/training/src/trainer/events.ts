/** Numbers of an evaluation by name; `loss` among them, where there is one. */
export type Metrics = Readonly<Record<string, number>>;

/** A step was made. It comes one step late: its values are read while the device works on the next one. */
export interface StepEvent {
  readonly type: 'step';
  /** Steps made, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Of the last steps, without evaluations and checkpoints. */
  readonly tokensPerSecond: number;
  /** Until the last step, without evaluations and checkpoints. */
  readonly secondsLeft: number;
}

/** The model was evaluated. */
export interface EvaluationEvent {
  readonly type: 'evaluation';
  readonly step: number;
  readonly metrics: Metrics;
  /** Whether no evaluation before was better. */
  readonly best: boolean;
}

/** A checkpoint was written, and is complete. */
export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly step: number;
  readonly folder: string;
}

/** An evaluation that none was better than. */
export interface BestEvaluation {
  readonly metric: number;
  readonly step: number;
}

/** The run is over. */
export interface DoneEvent {
  readonly type: 'done';
  readonly step: number;
  /** `completed`: all steps are made; `stopped-early`: evaluations got no better; `aborted`: the signal stopped it, and it can be resumed. */
  readonly reason: 'completed' | 'stopped-early' | 'aborted';
  /** Folder of the last checkpoint, if any was written or loaded. */
  readonly checkpoint: string | undefined;
  /** The best evaluation, if there was one; with `loadBestAtEnd` the model has its weights now. */
  readonly best: BestEvaluation | undefined;
}

/** What a `Trainer` tells. */
export type TrainerEvent = StepEvent | EvaluationEvent | CheckpointEvent | DoneEvent;

/** What to call for each kind of event; the run waits for what they return. */
export type TrainerCallbacks = {
  readonly [Type in TrainerEvent['type']]?: (event: Extract<TrainerEvent, { type: Type }>) => void | Promise<void>;
};

/** A record of a log, in Hugging Face's spelling. */
export type LogRecord = Readonly<Record<string, number>>;

/** A step or an evaluation as a record for logs, such as `{ step: 10, loss: 2.3, learning_rate: 0.001, grad_norm: 1.2, tokens_per_second: 4000 }`. */
export function logRecord(event: StepEvent | EvaluationEvent): LogRecord {
  if (event.type === 'evaluation') {
    const metrics = Object.entries(event.metrics).map(([name, value]) => [`eval_${name}`, value]);
    return { step: event.step, ...(Object.fromEntries(metrics) as Record<string, number>) };
  }
  const { step, loss, learningRate, gradientNorm, tokensPerSecond } = event;
  return { step, loss, learning_rate: learningRate, grad_norm: gradientNorm, tokens_per_second: tokensPerSecond };
}
