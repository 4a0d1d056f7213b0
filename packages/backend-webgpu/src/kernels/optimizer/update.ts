import type { TensorInfo } from '@tensorflow/tfjs-core';

import { entry, input, type KernelCall, sizeOf, spread, WORKGROUP, WORKGROUP_INDEX } from '../kernel.ts';
import { BLOCK, flatLayouts, gather } from './flat-layout.ts';
import { keptFlat } from './kept-flat.ts';

/** An update of each element of parameters and moments by those of the gradients, for all tensors in one dispatch per flat buffer. */
export interface FlatUpdate {
  readonly key: string;
  /** Names of what a slot has besides its `gradient`; all are changed. */
  readonly changes: readonly string[];
  /** WGSL statements that change `parameter[i]` and moments by `g`, the scaled gradient; `decay` is the weight decay of the slot. Vectors of four. */
  readonly body: string;
  readonly numbers: Readonly<Record<string, number>>;
}

/** Runs it on the slots of these numbers. Parameters and moments move into flat buffers at the first time, and stay there. */
export function updateFlat(
  { backend, inputs, attributes: { weightDecays } }: KernelCall<{ readonly weightDecays: readonly number[] }>,
  slots: readonly number[],
  { key, changes, body, numbers }: FlatUpdate,
): void {
  const scale = input({ inputs }, 'gradientScale');
  const all = (name: string) => slots.map((slot) => input({ inputs }, `${name}${slot}`));
  const gradients = all('gradient');
  const changed = changes.map((name) => [name, all(name)] as const);
  const layouts = flatLayouts(backend, {
    sizes: gradients.map(sizeOf),
    numbers: slots.map((slot) => weightDecays[slot] as number),
  });
  const known = keptFlat(gradients, scale);
  layouts.forEach((layout, i) => {
    const gradient = known?.[i] ?? gather(backend, gradients, layout);
    const writes = changed.map(([name, tensors]) => {
      const members = layout.tensors.map((tensor) => tensors[tensor] as TensorInfo);
      const tensor = backend.adopt(members, layout);
      for (const member of members) backend.changed(member);
      return [name, { tensor, as: 'vec4<f32>' }] as const;
    });
    const count = layout.size / BLOCK;
    backend.run({
      key,
      code: () => updateCode(body),
      reads: {
        gradient: { tensor: gradient, as: 'vec4<f32>' },
        blocks: { tensor: layout.blocks, as: 'vec2<f32>' },
        scale,
      },
      writes: Object.fromEntries(writes),
      counts: { blocks: count },
      numbers,
      workgroups: spread(count),
    });
    if (!known) backend.disposeData(gradient.dataId);
  });
}

const updateCode = (body: string): string => `
${entry()}
  let block = ${WORKGROUP_INDEX};
  let factor = scale[0];
  if (block >= u.blocks || !(factor >= 0.0)) { return; }
  let i = block * ${WORKGROUP}u + lane;
  let decay = blocks[block].y;
  let g = gradient[i] * factor;
  ${body}
}`;
