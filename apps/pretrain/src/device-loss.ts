import { DeviceLostError } from '@formers/backend';
import { findCheckpoint } from '@formers/training';

/** How often a run may lose its device before it stops: one that is lost again and again has a reason. */
const MOST_LOSSES = 3;

/** Where a run is to start, and whom to tell its folder. */
export interface Start {
  /** The folder to go on in; undefined at the first start. */
  readonly resume: string | undefined;
  readonly onFolder: (out: string) => void;
}

/** Starts a run, and again from its newest checkpoint when the GPU is lost. Without a checkpoint, and after the third loss, the error is the caller's. */
export async function throughDeviceLoss(start: (where: Start) => Promise<void>): Promise<void> {
  let folder: string | undefined;
  let resume: string | undefined;
  const onFolder = (out: string): void => void (folder = out);
  for (let losses = 1; ; losses++) {
    try {
      return await start({ resume, onFolder });
    } catch (error) {
      const isOver = !DeviceLostError.isInstance(error) || losses > MOST_LOSSES || folder === undefined;
      if (isOver || !(await hasCheckpoint(folder as string))) throw error;
      console.error(`pretrain: ${(error as Error).message}; starting again from there`);
      resume = folder;
    }
  }
}

async function hasCheckpoint(folder: string): Promise<boolean> {
  return findCheckpoint(folder).then(
    () => true,
    () => false,
  );
}
