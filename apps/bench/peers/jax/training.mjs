import { blockUntilReady, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';

import { readTraining } from '../lib/training-files.mjs';

/** Training steps of GPT-2: the same mathematics as ours, one compiled function for loss and gradients, one for clipping and AdamW. */
export async function prepareTraining(task) {
  if (task.dropout > 0) throw new Error('dropout is not written for jax-js');
  const { batch: B, context: T, dim: C, heads: H, layers: L, vocab: V } = task;
  const { weights, batches } = await readTraining(task);
  const make = ({ shape, values }) => np.array(values, { shape });
  let parameters = Object.fromEntries(weights.map(([name, weight]) => [name, make(weight)]));
  const names = Object.keys(parameters);
  const zeros = () => Object.fromEntries(weights.map(([name, { shape }]) => [name, np.zeros(shape)]));
  let [first, second] = [zeros(), zeros()];

  const loss = (p, x, y) => {
    const affine = (t, name) => np.dot(t, p[`${name}.weight`].ref).add(p[`${name}.bias`].ref);
    const norm = (t, name) => nn.standardize(t, -1).mul(p[`${name}.weight`].ref).add(p[`${name}.bias`].ref);
    let h = np
      .dot(nn.oneHot(x.reshape([-1]), V), p['wte.weight'].ref)
      .reshape([B, T, C])
      .add(p['wpe.weight'].ref);
    for (let i = 0; i < L; i++) {
      const [q, k, v] = np
        .split(affine(norm(h.ref, `h.${i}.ln_1`), `h.${i}.attn.c_attn`), 3, 2)
        .map((t) => t.reshape([B, T, H, C / H]));
      const attended = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([B, T, C]);
      h = h.add(affine(attended, `h.${i}.attn.c_proj`));
      h = h.add(affine(nn.gelu(affine(norm(h.ref, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`)), `h.${i}.mlp.c_proj`));
    }
    const logits = np.dot(norm(h, 'ln_f'), np.matrixTranspose(p['wte.weight'].ref)).reshape([B * T, V]);
    tree.dispose(p);
    return nn
      .logSoftmax(logits, -1)
      .mul(nn.oneHot(y.reshape([-1]), V))
      .sum()
      .mul(-1 / (B * T));
  };
  const lossAndGradients = jit(valueAndGrad(loss));

  const update = jit((p, g, m, v, corrections) => {
    const [c1, c2] = [corrections.ref.slice(0), corrections.slice(1)];
    const squares = names.map((name) => np.square(g[name].ref).sum());
    const total = np.sqrt(squares.reduce((a, b) => a.add(b)));
    const scale = np.minimum(np.reciprocal(total.add(1e-6)), 1);
    const next = { p: {}, m: {}, v: {} };
    for (const name of names) {
      const gradient = g[name].mul(scale.ref);
      const a = m[name].mul(0.9).add(gradient.ref.mul(0.1));
      const b = v[name].mul(0.99).add(np.square(gradient).mul(0.01));
      const decay = 1 - 1e-3 * (p[name].ndim >= 2 ? 0.1 : 0);
      const moved = a.ref.mul(c1.ref).div(np.sqrt(b.ref.mul(c2.ref)).add(1e-8));
      next.p[name] = p[name].mul(decay).sub(moved.mul(1e-3));
      next.m[name] = a;
      next.v[name] = b;
    }
    scale.dispose();
    c1.dispose();
    c2.dispose();
    return next;
  });

  const ids = (values) => np.array(values, { shape: [B, T], dtype: np.int32 });
  let steps = 0;
  return {
    results: [],
    step: async () => {
      const [x, y] = batches[steps++ % batches.length];
      const [value, gradients] = lossAndGradients(tree.ref(parameters), ids(x), ids(y));
      const corrections = np.array(Float32Array.of(1 / (1 - 0.9 ** steps), 1 / (1 - 0.99 ** steps)));
      ({ p: parameters, m: first, v: second } = update(parameters, gradients, first, second, corrections));
      await blockUntilReady(parameters);
      return Number(await value.jsAsync());
    },
    [Symbol.dispose]: () => [parameters, first, second].forEach((part) => tree.dispose(part)),
  };
}
