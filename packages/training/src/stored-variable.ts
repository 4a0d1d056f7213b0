import { fromFloat32, type StoredTensor, toFloat32 } from '@formers/checkpoints';
import { type Tensor, tensor, tidy, transpose, type Variable } from '@tensorflow/tfjs-core';

/** How a variable lies in a file. */
interface Layout {
  /** Whether as [columns, rows]; default false. */
  readonly isTransposed?: boolean;
}

/** The values of a variable, or another tensor, as a file has them. */
export async function storeVariable(variable: Tensor, { isTransposed = false }: Layout = {}): Promise<StoredTensor> {
  const laidOut = tidy(() => (isTransposed ? transpose(variable) : variable.clone()));
  try {
    return fromFloat32(await laidOut.data<'float32'>(), laidOut.shape);
  } finally {
    laidOut.dispose();
  }
}

/** Gives a variable the values of a file. */
export function assignStored(variable: Variable, value: StoredTensor, { isTransposed = false }: Layout = {}): void {
  tidy(() => {
    const laidOut = tensor(toFloat32(value), [...value.shape]);
    variable.assign(isTransposed ? transpose(laidOut) : laidOut);
  });
}
