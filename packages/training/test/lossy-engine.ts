import { cpu, DeviceLostError, tfjsBackend, useBackend } from '@formers/backend';
import {
  type DataId,
  findBackend,
  getKernelsForBackend,
  type KernelBackend,
  registerBackend,
  registerKernel,
} from '@tensorflow/tfjs-core';

/** What is asked of a device. */
export type Use = 'operation' | 'read';

/** The device of the lossy engine: it is lost when `isLostAt` says so, and from then on until there is a new one. */
export class LossyDevice {
  /** Asked before each operation, upload and read. */
  isLostAt: (use: Use) => boolean = () => false;
  lost: DeviceLostError | undefined;

  use(use: Use): void {
    if (!this.lost && this.isLostAt(use)) this.lost = new DeviceLostError('the device is gone');
    if (this.lost) throw this.lost;
  }

  /** As if the user had got another device. */
  renew(): void {
    this.isLostAt = () => false;
    this.lost = undefined;
  }
}

const NAME = 'lossy';

/** Starts tfjs's CPU engine behind a device that can be lost, and that, as a GPU in Node, gives its values only to those who wait for them. */
export async function useLossyEngine(): Promise<LossyDevice> {
  await useBackend(cpu());
  const device = new LossyDevice();
  let running = 0;
  for (const kernel of getKernelsForBackend('cpu')) {
    registerKernel({
      ...kernel,
      backendName: NAME,
      kernelFunc: (call) => {
        if (running === 0) device.use('operation');
        running++;
        try {
          return kernel.kernelFunc(call);
        } finally {
          running--;
        }
      },
    });
  }
  const inner = findBackend('cpu');
  const backend = Object.create(inner) as KernelBackend;
  backend.write = (values, shape, dtype) => {
    if (running === 0) device.use('operation');
    return inner.write(values, shape, dtype);
  };
  backend.read = async (id: DataId) => {
    device.use('read');
    const values = (await inner.read(id)).slice();
    await new Promise((resolve) => setTimeout(resolve, 0)); // values come later
    device.use('read');
    return values;
  };
  backend.readSync = (id: DataId) => {
    if (running === 0) throw new Error('this engine gives no values to those who do not wait: await data()');
    return inner.readSync(id);
  };
  registerBackend(NAME, () => backend);
  await useBackend(tfjsBackend(NAME));
  return device;
}
