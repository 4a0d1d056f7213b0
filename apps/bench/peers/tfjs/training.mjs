import * as tf from '@tensorflow/tfjs';

import { readTraining } from '../lib/training-files.mjs';

/** Training steps of GPT-2 in plain tfjs operations, with `variableGrads` and AdamW written out. */
export async function prepareTraining(task) {
  if (task.dropout > 0) throw new Error('dropout is not written for tfjs');
  const { batch: B, context: T, dim: C, heads: H, layers: L, vocab: V } = task;
  const { weights, batches } = await readTraining(task);
  const p = Object.fromEntries(
    weights.map(([name, { shape, values }]) => [name, tf.variable(tf.tensor(values, shape), true, name)]),
  );
  const moments = Object.fromEntries(
    weights.map(([name, { shape }]) => [name, [tf.variable(tf.zeros(shape)), tf.variable(tf.zeros(shape))]]),
  );
  const hidden = tf.tidy(() =>
    tf.linalg
      .bandPart(tf.ones([T, T]), -1, 0)
      .sub(1)
      .mul(1e9),
  ); // 0 where a key may be seen

  const affine = (x, name) =>
    tf.add(tf.matMul(x.reshape([-1, x.shape.at(-1)]), p[`${name}.weight`]), p[`${name}.bias`]);
  const norm = (x, name) => {
    const centred = x.sub(x.mean(-1, true));
    const variance = centred.square().mean(-1, true);
    return centred.mul(variance.add(1e-5).rsqrt()).mul(p[`${name}.weight`]).add(p[`${name}.bias`]);
  };
  const gelu = (x) =>
    x.mul(0.5).mul(
      x
        .add(x.pow(3).mul(0.044715))
        .mul(Math.sqrt(2 / Math.PI))
        .tanh()
        .add(1),
    );
  const heads = (x) => x.reshape([B, T, H, C / H]).transpose([0, 2, 1, 3]);
  const loss = (x, y) => {
    let h = tf.gather(p['wte.weight'], x.flatten()).reshape([B, T, C]).add(p['wpe.weight']);
    for (let i = 0; i < L; i++) {
      const [q, k, v] = tf.split(affine(norm(h, `h.${i}.ln_1`), `h.${i}.attn.c_attn`), 3, 1).map(heads);
      const scores = tf
        .matMul(q, k, false, true)
        .mul(1 / Math.sqrt(C / H))
        .add(hidden);
      const attended = tf
        .matMul(scores.softmax(), v)
        .transpose([0, 2, 1, 3])
        .reshape([B * T, C]);
      h = h.add(affine(attended, `h.${i}.attn.c_proj`).reshape([B, T, C]));
      const mlp = affine(gelu(affine(norm(h, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`)), `h.${i}.mlp.c_proj`);
      h = h.add(mlp.reshape([B, T, C]));
    }
    const logits = tf.matMul(norm(h, 'ln_f').reshape([B * T, C]), p['wte.weight'], false, true);
    return tf
      .logSoftmax(logits)
      .mul(tf.oneHot(y.flatten(), V))
      .sum()
      .mul(-1 / (B * T));
  };

  let steps = 0;
  const step = async () => {
    const read = tf.tidy(() => {
      const [x, y] = batches[steps++ % batches.length].map((ids) => tf.tensor(ids, [B, T], 'int32'));
      const { value, grads } = tf.variableGrads(() => loss(x, y), Object.values(p));
      const squares = Object.values(grads).map((gradient) => gradient.square().sum());
      const total = tf.sqrt(squares.reduce((x, y) => x.add(y))); // webgpu's addN takes few tensors
      const scale = tf.minimum(tf.div(1, total.add(1e-6)), 1);
      for (const [name, parameter] of Object.entries(p)) {
        const [m, v] = moments[name];
        const gradient = grads[name].mul(scale);
        m.assign(m.mul(0.9).add(gradient.mul(0.1)));
        v.assign(v.mul(0.99).add(gradient.square().mul(0.01)));
        const moved = m.div(1 - 0.9 ** steps).div(
          v
            .div(1 - 0.99 ** steps)
            .sqrt()
            .add(1e-8),
        );
        const decay = 1 - 1e-3 * (parameter.rank >= 2 ? 0.1 : 0);
        parameter.assign(parameter.mul(decay).sub(moved.mul(1e-3)));
      }
      return value;
    });
    const [value] = await read.data();
    read.dispose();
    return value;
  };
  return {
    results: [],
    step,
    [Symbol.dispose]: () => [...Object.values(p), ...Object.values(moments).flat(), hidden].forEach((x) => x.dispose()),
  };
}
