import type { BackendChoice } from '@formers/backend';
import type { RawImage } from '@formers/images';
import { proxy, type Remote } from 'comlink';

import type { Classification, Explanation } from '../model/image-classifier.ts';
import type { EngineChoice } from '../worker/engine-names.ts';
import type { ClassifierService, MemoryFigures, ModelSource, OnProgress, Picture } from '../worker/protocol.ts';
import { type PageWorker, startWorker, WorkerEnded } from '../worker/start-worker.ts';
import { messageOf } from '../page/words.ts';
import type { ModelInUse } from './shell.ts';

type Classifier = Remote<ClassifierService>;

/** The worker that classifies: the engine it runs on and the model it holds. Another engine is another worker, with the same model. */
export class Session {
  engine: EngineChoice = 'auto';
  model: ModelInUse | undefined;
  readonly #source: ModelSource;
  readonly #onStart: (started: BackendChoice) => void;
  #worker: PageWorker | undefined;
  /** Settles when the worker's engine runs. */
  #started: Promise<Classifier>;
  /** Settles when the worker has a model. */
  #loaded: Promise<void>;

  /**
   * @param source The first model.
   * @param onStart Is told of each engine that runs.
   */
  constructor(source: ModelSource, onStart: (started: BackendChoice) => void) {
    this.#source = source;
    this.#onStart = onStart;
    this.#started = this.#start();
    this.#loaded = this.load(source);
    this.#loaded.catch(() => {}); // told by what waits for it
  }

  /** Settles when the worker has a model; rejects with a message for users where there is none. */
  get ready(): Promise<void> {
    return this.#loaded;
  }

  /** Computes on another engine from now on. What was asked of the one before rejects with `WorkerEnded`. */
  async restart(engine: EngineChoice): Promise<void> {
    this.#worker?.terminate();
    this.engine = engine;
    this.#started = this.#start();
    this.#loaded = this.load(this.model?.source ?? this.#source);
    this.#loaded.catch(() => {}); // told by what waits for it
    await this.#loaded;
  }

  /** Loads a model; where that fails, the one before stays. */
  async load(source: ModelSource, onProgress: OnProgress = () => {}): Promise<void> {
    const loading = this.#ask(this.#started, (classifier) => classifier.load(source, proxy(onProgress)));
    try {
      this.model = { source, facts: await loading };
    } catch (cause) {
      if (this.model || cause instanceof WorkerEnded) throw cause;
      throw new Error(`The model could not be loaded. ${messageOf(cause)}`, { cause });
    }
    this.#loaded = Promise.resolve();
  }

  readPicture(source: Blob | RawImage): Promise<Picture> {
    return this.#ask(this.#usable(), (classifier) => classifier.readPicture(source));
  }

  classify(image: RawImage): Promise<Classification & { seen?: RawImage }> {
    return this.#ask(this.#usable(), (classifier) => classifier.classify(image));
  }

  explain(image: RawImage): Promise<Explanation> {
    return this.#ask(this.#usable(), (classifier) => classifier.explain(image));
  }

  logits(pixelValues: Float32Array): Promise<Float32Array> {
    return this.#ask(this.#usable(), (classifier) => classifier.logits(pixelValues));
  }

  memory(): Promise<MemoryFigures> {
    return this.#ask(this.#started, (classifier) => classifier.memory());
  }

  #start(): Promise<Classifier> {
    const worker = startWorker('classifier', { mayAsk: 'own host' });
    this.#worker = worker;
    const start = async (): Promise<Classifier> => {
      const classifier = (await worker.services.classifier()) as unknown as Classifier;
      this.#onStart(await classifier.start(this.engine));
      return classifier;
    };
    const started = worker.ask(start());
    started.catch(() => {}); // told by what waits for it
    return started;
  }

  async #usable(): Promise<Classifier> {
    await this.#loaded;
    return this.#started;
  }

  async #ask<Answer>(
    started: Promise<Classifier>,
    question: (classifier: Classifier) => Promise<Answer>,
  ): Promise<Answer> {
    const worker = this.#worker;
    const classifier = await started;
    if (!worker) throw new Error('the engine has not been started');
    return worker.ask(question(classifier));
  }
}
