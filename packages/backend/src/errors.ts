/** What all errors of the Formers packages share: a stable `code` to branch on, and a message that needs no stack trace. */
export abstract class FormersError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A configuration value that no model, optimizer or engine can be built from. */
export class ConfigError extends FormersError {
  readonly code = 'config';

  /** Whether `value` is a ConfigError, also one of another copy of this package. */
  static isInstance(value: unknown): value is ConfigError {
    return value instanceof Error && 'code' in value && value.code === 'config';
  }
}

/** A tensor of another shape or dtype than the one wanted. */
export class ShapeError extends FormersError {
  readonly code = 'shape';

  /** Whether `value` is a ShapeError, also one of another copy of this package. */
  static isInstance(value: unknown): value is ShapeError {
    return value instanceof Error && 'code' in value && value.code === 'shape';
  }
}

/** An id, label or number outside of its range, found where arrays enter. */
export class ValueError extends FormersError {
  readonly code = 'value';

  /** Whether `value` is a ValueError, also one of another copy of this package. */
  static isInstance(value: unknown): value is ValueError {
    return value instanceof Error && 'code' in value && value.code === 'value';
  }
}

/** No engine could be started, or the one in use failed. */
export class BackendError extends FormersError {
  readonly code = 'backend';

  /** Whether `value` is a BackendError, also one of another copy of this package. */
  static isInstance(value: unknown): value is BackendError {
    return value instanceof Error && 'code' in value && value.code === 'backend';
  }
}

/** The device that the engine runs on is gone (driver reset, unplugged, destroyed), and all tensors on it. Start the engine again and go on from a checkpoint. */
export class DeviceLostError extends FormersError {
  readonly code = 'device-lost';

  /** Whether `value` is a DeviceLostError, also one of another copy of this package. */
  static isInstance(value: unknown): value is DeviceLostError {
    return value instanceof Error && 'code' in value && value.code === 'device-lost';
  }
}

/** Throws a {@link ShapeError} `where: argument must be [batch, seq, 768], got [2, 16, 512]` unless each axis fits; words fit any size. */
export function checkShape(
  where: string,
  argument: { readonly shape: readonly number[] },
  wanted: readonly (number | string)[],
): void {
  const { shape } = argument;
  const fits =
    shape.length === wanted.length && wanted.every((axis, i) => typeof axis === 'string' || axis === shape[i]);
  if (!fits) throw new ShapeError(`${where} must be [${wanted.join(', ')}], got [${shape.join(', ')}]`);
}
