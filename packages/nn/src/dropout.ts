import { dropout } from '@formers/backend';
import type { Tensor } from '@tensorflow/tfjs-core';

import { Module } from './module.ts';

/** Drops values with probability `rate` inside a `withDropout` scope, as training steps open one; passes them on otherwise. Keeps the shape. */
export class Dropout<T extends Tensor = Tensor> extends Module<[x: T], T> {
  readonly rate: number;

  constructor(rate: number) {
    super();
    this.rate = rate;
  }

  protected override forward(x: T): T {
    return dropout(x, this.rate);
  }
}
