import { DeviceLostError, isInGradient } from '@formers/backend';
import {
  type BackendValues,
  type DataId,
  type DataToGPUOptions,
  type GPUData,
  type TensorInfo,
  util,
  type Variable,
} from '@tensorflow/tfjs-core';

import { adopt, type ArenaPlaces, leaveArena, releaseArena } from './engine/arena.ts';
import { BindGroupCache } from './engine/bind-groups.ts';
import { BufferPool } from './engine/buffer-pool.ts';
import { bytesOf, fromBytes } from './engine/bytes.ts';
import { type Figures, noFigures } from './engine/figures.ts';
import {
  convert,
  inFull,
  isStoredInHalves,
  readElement,
  storeInHalves,
  writtenElement,
} from './engine/half-storage.ts';
import { pipelineKey, type ShaderCall, type ShaderInterface, sourceOf, tensorOf } from './engine/shader.ts';
import { OpenWebGPUBackend, type TensorData, type TfjsProgram, type TfjsUniform } from './engine/tfjs-backend.ts';
import { UniformCache, uniformsOf } from './engine/uniforms.ts';
import { HOST_BYTES, upload } from './engine/upload.ts';
import { GPUError } from './errors.ts';
import { type Tile, TILES } from './kernels/product/tiles.ts';

/** Dispatches after which commands are submitted without being asked for. */
const DISPATCHES_PER_SUBMISSION = 1024;
/** Uploads of weights that wait for a submission, while weights are stored in halves. */
const MOST_STAGING_BYTES = 64 * 2 ** 20;

/**
 * The tfjs backend: tfjs-backend-webgpu with cheaper dispatches. Commands are recorded into one encoder and run in order, so that a disposed tensor's buffer may be
 * used again at once; uniform buffers, pipelines and bind groups are kept.
 */
export class FormersWebGPUBackend extends OpenWebGPUBackend {
  /** Those that matrix products are cut into, from small to large. */
  tiles: readonly Tile[] = TILES;
  /** Logits that a fused loss holds at a time: 256 MB, or less where the device allows no such buffers. */
  mostLogits: number = 2 ** 26;
  /** Whether what layers put out under a tape, and weights that aren't trained, are stored in half precision. */
  storesHalves: boolean = false;
  readonly figures: Figures = noFigures();
  readonly #uniforms: UniformCache;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #bindGroups: BindGroupCache;
  /** Buffers that hold uploads until the commands that copy them are submitted. */
  #staging: GPUBuffer[] = [];
  #pending = 0;
  #lost: string | undefined;
  /** Ends reads that a lost device would leave waiting. */
  readonly #reads = new Set<() => void>();
  #failure: Error | undefined;

  constructor(device: GPUDevice, info: GPUAdapterInfo) {
    super(device, info);
    this.#uniforms = new UniformCache(device);
    this.#bindGroups = new BindGroupCache(device, { onMake: () => this.figures.bindGroups++ });
    this.bufferManager = new BufferPool(device);
    const fail = (error: Error): void => void (this.#failure ??= error);
    this.bufferManager.onFailure = fail;
    device.addEventListener('uncapturederror', ({ error }) => fail(new GPUError(`formers-webgpu: ${error.message}`)));
    void this.#watch(device);
  }

  async #watch({ lost }: GPUDevice): Promise<void> {
    const { message, reason } = await lost;
    this.#lost = message || reason;
    for (const giveUp of this.#reads) giveUp();
  }

  /** Throws what went wrong on the device since the last time: its commands are checked and run later than they are recorded. */
  check(): void {
    if (this.#lost !== undefined)
      throw new DeviceLostError(
        `formers-webgpu: the GPU was lost (${this.#lost}); start the engine again and go on from the last checkpoint`,
      );
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure;
  }

  /** A new tensor; its content is anything. */
  output(shape: readonly number[], dtype: 'float32' | 'int32' | 'bool' = 'float32'): TensorInfo {
    return this.makeTensorInfo([...shape], dtype);
  }

  /** The same for what a layer puts out and its gradient reads again: in halves, if they are wanted, and if the kernel that writes it takes four numbers at a time. */
  layerOutput(shape: readonly number[]): TensorInfo {
    const made = this.output(shape);
    const mayBeHalf = this.storesHalves && isInGradient() && bytesOf(made) % 16 === 0;
    if (mayBeHalf) this.tensorMap.get(made.dataId).mayBeHalf = true;
    return made;
  }

  /** Stores a weight in halves from now on, if they are wanted and it isn't trained: a variable that says so. */
  halveFrozen(weight: TensorInfo): void {
    if (!this.storesHalves || (weight as Partial<Variable>).trainable !== false) return;
    if (bytesOf(weight) <= HOST_BYTES) return; // those stay on the host, too
    storeInHalves(this, weight);
    if (this.#staging.reduce((sum, { size }) => sum + size, 0) > MOST_STAGING_BYTES) this.submitQueue();
  }

  /** A second handle to a tensor's values, of any shape of that size. */
  alias({ dataId, shape, dtype }: TensorInfo, as: readonly number[] = shape): TensorInfo {
    this.incRef(dataId);
    return { dataId, shape: [...as], dtype };
  }

  /** Hangs tensors on a tensor's values; they are disposed together. */
  attach({ dataId }: TensorInfo, side: Readonly<Record<string, TensorInfo>>): void {
    this.tensorMap.get(dataId).side = side;
  }

  /** What {@link attach} left there. */
  side({ dataId }: TensorInfo): Readonly<Record<string, TensorInfo>> {
    const { side } = this.tensorMap.get(dataId);
    if (!side)
      throw new Error('formers-webgpu: a gradient kernel was called on an output that its forward kernel did not make');
    return side;
  }

  /** Records a copy of a tensor's values into another tensor, from its element `start` on. */
  copy(from: TensorInfo, to: TensorInfo, start = 0): void {
    if (isStoredInHalves(this, from.dataId)) return convert(this, { x: from, y: to, start });
    const [source, target] = [this.#binding(from), this.#binding(to)];
    this.check();
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    const at = (target.offset ?? 0) + 4 * start;
    const encoder = this.commandEncoder as GPUCommandEncoder;
    encoder.copyBufferToBuffer(
      source.buffer,
      source.offset ?? 0,
      target.buffer,
      at,
      4 * util.sizeFromShape(from.shape),
    );
    this.figures.copies++;
  }

  /** Says that a tensor's values are changed by a dispatch that doesn't name it. */
  changed({ dataId }: TensorInfo): void {
    this.tensorMap.get(dataId).values = null;
  }

  /** Moves tensors' values into one buffer; see {@link adopt}. */
  adopt(tensors: readonly TensorInfo[], places: ArenaPlaces): TensorInfo {
    return adopt(this, tensors, places);
  }

  override releaseResource(dataId: DataId): void {
    if (!releaseArena(this, dataId)) super.releaseResource(dataId);
    const data = this.tensorMap.get(dataId);
    if (data?.isHalf) data.isHalf = false;
  }

  override readToGPU(dataId: DataId, options?: DataToGPUOptions): GPUData {
    leaveArena(this, dataId);
    return this.#inFull(dataId, (wide) => super.readToGPU(wide, options));
  }

  #inFull<T>(dataId: DataId, f: (dataId: DataId) => T): T {
    const { shape, dtype } = this.tensorMap.get(dataId);
    return inFull(this, [{ dataId, shape, dtype }], ([wide]) => f(wide.dataId));
  }

  /** Records one dispatch. */
  run({ key, code, reads, writes, counts = {}, numbers = {}, workgroups }: ShaderCall): void {
    const [inputs, outputs] = [Object.entries(reads), Object.entries(writes)];
    const shader: ShaderInterface = {
      key,
      reads: inputs.map(([name, bound]) => [name, readElement(this, bound)]),
      writes: outputs.map(([name, bound]) => [name, writtenElement(this, bound)]),
      counts: Object.keys(counts),
      numbers: Object.keys(numbers),
    };
    const fullKey = pipelineKey(shader);
    let pipeline = this.#pipelines.get(fullKey);
    if (!pipeline) {
      pipeline = this.#compile(key, sourceOf(shader, code()));
      this.#pipelines.set(fullKey, pipeline);
    }
    const bindings = [...inputs, ...outputs].map(([, bound]) => this.#binding(tensorOf(bound)));
    for (const [, bound] of outputs) this.tensorMap.get(tensorOf(bound).dataId).values = null;
    if (shader.counts.length + shader.numbers.length > 0)
      bindings.push(this.#uniforms.of(Object.values(counts), Object.values(numbers)));
    this.#dispatch(pipeline, bindings, workgroups);
  }

  #compile(label: string, code: string): GPUComputePipeline {
    this.figures.pipelines++;
    const module = this.device.createShaderModule({ label, code });
    return this.device.createComputePipeline({ label, layout: 'auto', compute: { module, entryPoint: 'main' } });
  }

  #binding({ dataId }: TensorInfo): GPUBufferBinding {
    this.uploadToGPU(dataId);
    const data = this.tensorMap.get(dataId);
    const { resource, offset = 0 } = data;
    const [buffer, size] = [resource as GPUBuffer, bytesOf(data)];
    return offset === 0 && buffer.size === size ? { buffer } : { buffer, offset, size };
  }

  #dispatch(
    pipeline: GPUComputePipeline,
    bindings: readonly GPUBufferBinding[],
    workgroups: ShaderCall['workgroups'],
  ): void {
    this.check();
    this.ensureCommandEncoderReady();
    this.computePassEncoder ??= (this.commandEncoder as GPUCommandEncoder).beginComputePass();
    this.computePassEncoder.setPipeline(pipeline);
    this.computePassEncoder.setBindGroup(0, this.#bindGroups.of(pipeline, bindings));
    this.computePassEncoder.dispatchWorkgroups(...(workgroups as [number]));
    this.figures.dispatches++;
    if (++this.#pending >= DISPATCHES_PER_SUBMISSION) this.submitQueue();
  }

  /** Of tfjs's own kernels, which read float32. */
  override recordAndSubmit(
    program: TfjsProgram,
    output: TensorInfo,
    inputs: TensorInfo[],
    uniforms: TfjsUniform[] = [],
  ): void {
    if (inputs.some(({ dataId }) => isStoredInHalves(this, dataId)))
      return inFull(this, inputs, (wide) => this.recordAndSubmit(program, output, wide, uniforms));
    // Those that are timed, and those on textures of images.
    if (this.activeTimers || program.pixelsOpType !== undefined)
      return super.recordAndSubmit(program, output, inputs, uniforms);
    const all = uniformsOf(program, [...inputs, output], uniforms);
    this.tensorMap.get(output.dataId).values = null;
    this.#dispatch(
      program.pipeline as GPUComputePipeline,
      [...[output, ...inputs].map((tensor) => this.#binding(tensor)), this.#uniforms.ofTfjs(all)],
      program.dispatch,
    );
  }

  override uploadToGPU(dataId: DataId): void {
    const data = this.tensorMap.get(dataId);
    if (data.resource) return;
    this.check();
    const staging = upload(this, data);
    if (staging) this.#staging.push(staging);
  }

  override submitQueue(): void {
    this.endComputePassEncoder();
    if (!this.commandEncoder) return;
    this.#uniforms.flush();
    this.queue.submit([this.commandEncoder.finish()]);
    this.commandEncoder = null;
    this.#pending = 0;
    this.figures.submissions++;
    for (const buffer of this.#staging) this.bufferManager.releaseBuffer(buffer, false);
    this.#staging = [];
    for (const buffer of this.uniformPendingDisposal) this.bufferManager.releaseBuffer(buffer);
    this.uniformPendingDisposal = [];
    const isTrimmed = [this.bufferManager.trim(), this.#uniforms.trim()].some(Boolean);
    this.#bindGroups.trim({ all: isTrimmed });
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.tensorMap.has(dataId)) return true;
    const data = this.tensorMap.get(dataId);
    data.refCount = force ? 0 : data.refCount - 1;
    if (data.refCount > 0) return false;
    for (const tensor of Object.values(data.side ?? {})) this.disposeData(tensor.dataId);
    if (data.complexTensorInfos) {
      this.disposeData(data.complexTensorInfos.real.dataId);
      this.disposeData(data.complexTensorInfos.imag.dataId);
    }
    this.releaseResource(dataId);
    this.tensorMap.delete(dataId);
    return true;
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    const data = this.tensorMap.get(dataId);
    if (data.values) return data.values.slice() as BackendValues;
    if (data.dtype === 'complex64' || data.dtype === 'string') return super.read(dataId);
    if (data.isHalf) return this.#inFull(dataId, async (wide) => this.read(wide));
    this.check();
    if (util.sizeFromShape(data.shape) === 0) return fromBytes(new ArrayBuffer(0), data.dtype);
    return fromBytes(await this.#download(data), data.dtype);
  }

  async #download(data: TensorData): Promise<ArrayBuffer> {
    const { resource, offset = 0 } = data;
    const size = bytesOf(data);
    const staging = this.bufferManager.acquireBuffer(size, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
    this.ensureCommandEncoderReady();
    this.endComputePassEncoder();
    (this.commandEncoder as GPUCommandEncoder).copyBufferToBuffer(resource as GPUBuffer, offset, staging, 0, size);
    this.submitQueue();
    try {
      await this.#map(staging);
    } catch (error) {
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, 100))]);
      this.check();
      throw new GPUError(`formers-webgpu: reading failed: ${String(error)}`);
    }
    const bytes = staging.getMappedRange().slice(0);
    staging.unmap();
    this.bufferManager.releaseBuffer(staging);
    this.check();
    return bytes;
  }

  #map(buffer: GPUBuffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new Error('the device is lost'));
      this.#reads.add(giveUp);
      const mapped = buffer.mapAsync(GPUMapMode.READ).finally(() => this.#reads.delete(giveUp));
      mapped.then(() => resolve(), reject);
    });
  }

  override readSync(dataId: DataId): BackendValues {
    const { values } = this.tensorMap.get(dataId);
    if (values) return values.slice() as BackendValues;
    if (typeof OffscreenCanvas === 'undefined')
      throw new GPUError('formers-webgpu: dataSync() can not wait for the GPU here; use await data()');
    this.check();
    leaveArena(this, dataId);
    return this.#inFull(dataId, (wide) => super.readSync(wide));
  }

  override numDataIds(): number {
    return this.tensorMap.numDataIds();
  }

  override dispose(): void {
    this.#uniforms.dispose();
    this.#bindGroups.trim({ all: true });
    super.dispose();
  }
}
