/** Counters since the engine started; for tests and measurements. */
export interface Figures {
  dispatches: number;
  /** From one tensor to another. */
  copies: number;
  submissions: number;
  /** Bind groups and uniform buffers made; a warm step makes few. */
  bindGroups: number;
  pipelines: number;
}

/** All at zero. */
export function noFigures(): Figures {
  return { dispatches: 0, copies: 0, submissions: 0, bindGroups: 0, pipelines: 0 };
}
