import type { ModelFacts } from '../model/image-classifier.ts';
import type { EngineChoice } from '../worker/engine-names.ts';
import type { ModelSource } from '../worker/protocol.ts';
import type { TabName } from './tabs.ts';

/** A model that is loaded. */
export interface ModelInUse {
  readonly source: ModelSource;
  readonly facts: ModelFacts;
}

/** What the page gives to its panels. */
export interface Shell {
  /** What the visitor wants to compute on. */
  readonly engine: EngineChoice;
  /** The model that classifies; undefined while none is loaded. */
  readonly model: ModelInUse | undefined;
  /** Calls `listener` when another model is in use, or another engine was chosen. */
  onChange(listener: () => void): void;
  /** Loads a model to classify with; rejects with a message for users, and then the one before stays. */
  useModel(source: ModelSource): Promise<void>;
  showTab(tab: TabName): void;
  /** Shows a message below the tabs, which is read out; an empty one clears it. */
  say(message: string): void;
}
