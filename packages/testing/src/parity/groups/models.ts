import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { capture, valueAndGradients } from '@formers/backend';
import { toFloat32 } from '@formers/checkpoints';
import type { PretrainedModel } from '@formers/nn';
import { freeze } from '@formers/training';
import { addN, dispose, mean, type Scalar, square, type Tensor, transpose } from '@tensorflow/tfjs-core';

import { type Case, readCaseTensors, toleranceOf, Unsupported } from '../case.ts';
import { type Comparison, largest } from '../comparison.ts';
import type { ForwardArguments, ModelAdapter, NamedTensors } from '../models/adapter.ts';
import { adapterOf } from '../models/index.ts';
import { toTensor } from '../tensors.ts';

type Model = PretrainedModel<never, unknown, object>;

/** A checkpoint, its inputs, its outputs and the gradients of its weights; and what saving it again gives. */
export async function runModelCase(testCase: Case, comparison: Comparison): Promise<void> {
  const { folder, description } = testCase;
  const className = description.model_class ?? description.framework_class;
  const adapter = adapterOf(className);
  const stored = await readCaseTensors(folder, 'inputs.safetensors');
  const unknown = [...stored.tensors.keys()].filter((name) => !adapter.inputs.includes(name));
  if (unknown.length > 0) throw new Unsupported(`${className} here has no argument ${unknown.join(', ')}`);

  const {
    output_hidden_states: _,
    output_attentions: __,
    ...forwardArguments
  } = (description['forward_arguments'] ?? {}) as Record<string, unknown>;
  const unknownArguments = Object.keys(forwardArguments).filter((name) => !adapter.forwardArguments?.includes(name));
  if (unknownArguments.length > 0)
    throw new Unsupported(`${className} here has no argument ${unknownArguments.join(', ')}`);

  const model = await adapter.load(folder);
  const inputs = Object.fromEntries([...stored.tensors].map(([name, tensor]) => [name, toTensor(tensor)]));
  try {
    await compareOutputs(testCase, { adapter, model, inputs, forwardArguments }, comparison);
    await compareGradients(testCase, { adapter, model, inputs, forwardArguments }, comparison);
    await compareSaved(testCase, model, comparison);
    if (comparison.isHalf) {
      freeze(model); // its weights are stored in halves now
      await compareOutputs(testCase, { adapter, model, inputs, forwardArguments }, comparison, 'forward');
    }
  } finally {
    dispose(inputs);
    model.dispose();
  }
}

interface Loaded {
  adapter: ModelAdapter;
  model: Model;
  inputs: NamedTensors;
  forwardArguments: ForwardArguments;
}

async function compareOutputs(
  testCase: Case,
  { adapter, model, inputs, forwardArguments }: Loaded,
  comparison: Comparison,
  through?: 'forward',
): Promise<void> {
  const { value, hiddenStates, attentions, crossAttentions, encoderHiddenStates, encoderAttentions } = capture(() =>
    adapter.run(model, inputs, forwardArguments),
  );
  const decoder = encoderHiddenStates.length > 0 ? 'decoder_' : '';
  const numbered = (name: string, tensors: Tensor[]): [string, Tensor][] =>
    tensors.map((tensor, i) => [`${name}.${i}`, tensor]);
  const found = new Map([
    ...Object.entries(value),
    ...numbered(`${decoder}hidden_states`, hiddenStates),
    ...numbered(`${decoder}attentions`, attentions),
    ...numbered('cross_attentions', crossAttentions),
    ...numbered('encoder_hidden_states', encoderHiddenStates),
    ...numbered('encoder_attentions', encoderAttentions),
  ]);
  const expected = await readCaseTensors(testCase.folder, 'outputs.safetensors');
  if (expected.tensors.has('loss')) found.set('loss', adapter.loss(model, inputs, forwardArguments));
  const tolerance = toleranceOf(testCase, 'forward');
  const mask = testCase.description.compare === 'attention_mask' ? inputs['attention_mask'] : undefined;
  for (const [name, stored] of expected.tensors) {
    const tensor = found.get(name);
    if (!tensor) comparison.wrong(`${name}: not among the outputs`);
    else if (tensor.shape.join() !== stored.shape.join())
      comparison.wrong(`${name}: shape [${tensor.shape}] instead of [${stored.shape}]`);
    else {
      const counts = mask ? await maskedPositions(mask, { name, shape: tensor.shape }) : () => true;
      comparison.numbers(name, await tensor.data(), {
        ...{ expected: toFloat32(stored), tolerance, counts, through },
      });
    }
  }
  dispose([...found.values()]);
}

/** Whether number i belongs to a token: by the query in attention maps, by the position elsewhere. */
async function maskedPositions(
  mask: Tensor,
  { name, shape }: { name: string; shape: number[] },
): Promise<(i: number) => boolean> {
  const isToken = await mask.data();
  const [batch = 1, seq = 1] = mask.shape;
  if (shape[0] !== batch || shape.length < 3) return () => true; // a loss, or one vector per row
  const isMap = name.includes('attentions');
  const perRow = shape.slice(1).reduce((product, axis) => product * axis, 1);
  const perPosition = (isMap ? shape.slice(3) : shape.slice(2)).reduce((product, axis) => product * axis, 1);
  return (i) => isToken[Math.floor(i / perRow) * seq + (Math.floor(i / perPosition) % seq)] === 1;
}

async function compareGradients(
  testCase: Case,
  { adapter, model, inputs, forwardArguments }: Loaded,
  comparison: Comparison,
): Promise<void> {
  const parameters = model.namedParameters();
  const { value, gradients } = valueAndGradients(
    () => scalarOf(testCase, { adapter, model, inputs, forwardArguments }),
    [...parameters.values()],
  );
  const names = model.fileNames();
  const found = new Map(
    [...parameters.keys()].map((path, i) => [
      names.get(path)?.name,
      { gradient: gradients[i] as Tensor, transposed: names.get(path)?.transpose },
    ]),
  );

  const expected = await readCaseTensors(testCase.folder, 'grads.safetensors');
  const tolerance = toleranceOf(testCase, 'grads');
  const least =
    LEAST_GRADIENT * Math.max(...[...expected.tensors.values()].map((stored) => largest(toFloat32(stored))));
  for (const [name, stored] of expected.tensors) {
    const entry = found.get(name);
    if (!entry) {
      comparison.wrong(`grad ${name}: no such parameter`);
      continue;
    }
    const laidOut = entry.transposed ? transpose(entry.gradient) : entry.gradient;
    comparison.numbers(`grad ${name}`, await laidOut.data(), {
      ...{ expected: toFloat32(stored), tolerance, through: 'gradients', least },
    });
    if (laidOut !== entry.gradient) laidOut.dispose();
  }
  dispose([value, ...gradients]);
}

/** Errors of a gradient that is zero (of the bias of attention's keys) come from others; what share of the largest of the model they have. */
const LEAST_GRADIENT = 1 / 32;

/** The number whose gradients are stored: the loss, or a sum of terms `mean(NAME**2)`. */
function scalarOf({ description }: Case, { adapter, model, inputs, forwardArguments }: Loaded): Scalar {
  const formula = description.scalar?.formula ?? 'loss';
  if (formula.startsWith('loss')) return adapter.loss(model, inputs, forwardArguments);
  const outputs = adapter.run(model, inputs, forwardArguments);
  const terms = formula.split(' + ').map((term) => {
    const output = outputs[/^mean\((\w+)\*\*2\)$/.exec(term)?.[1] ?? ''];
    if (!output) throw new Unsupported(`scalar.formula ${formula}`);
    return mean(square(output));
  });
  return addN(terms) as Scalar;
}

/**
 * What was loaded comes out again: each tensor with its name, type and bytes, and the file as a whole where it is one file. A config.json that names no
 * class (an old one) gets the class's name, as Hugging Face writes it; all else stays.
 */
async function compareSaved({ folder }: Case, model: Model, comparison: Comparison): Promise<void> {
  const files = new Map<string, Uint8Array>();
  await model.savePretrained(files);
  for (const name of ['config.json', 'model.safetensors']) {
    const original = await readFile(path.join(folder, name)).catch(() => undefined);
    if (!original) continue;
    const saved = Buffer.from(files.get(name) ?? []);
    if (name === 'config.json' && namesNoClass(parseObject(original))) {
      const { architectures: _added, ...kept } = parseObject(saved);
      comparison.equal(`saved ${name} without architectures`, kept, parseObject(original));
    } else {
      const found = saved.equals(original) ? 'the bytes of the file' : 'other bytes';
      comparison.equal(`saved ${name}`, found, 'the bytes of the file');
    }
  }
}

/** Other libraries' files have neither key. */
function namesNoClass(config: Record<string, unknown>): boolean {
  return 'model_type' in config && !('architectures' in config);
}

function parseObject(json: Buffer): Record<string, unknown> {
  return JSON.parse(json.toString('utf8')) as Record<string, unknown>;
}
