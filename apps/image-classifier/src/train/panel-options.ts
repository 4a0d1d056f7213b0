/** Where the files of a model lie that the worker of the training can open: a URL or hub name, or the files themselves. */
export type ModelLocation = string | ReadonlyMap<string, Blob | Uint8Array>;

/** The model that the page classifies with. */
export interface LoadedModel {
  /** For people. */
  readonly name: string;
  readonly location: ModelLocation;
}

/** What the page gives to the panel that trains. */
export interface TrainPanelOptions {
  /** Name of the engine that the visitor has chosen; `auto` for the fastest there is. */
  engine(): string;
  /** What fine-tuning begins with; undefined while there is none. Asked for when a training starts. */
  loadedModel(): LoadedModel | undefined;
  /** Classifies with a trained model from now on: config.json, model.safetensors, preprocessor_config.json and README.md. */
  useModel(files: ReadonlyMap<string, Uint8Array>, options: { name: string }): Promise<void>;
}
