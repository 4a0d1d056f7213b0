import type { NameRow } from '@formers/nn';

/** Where the parameters of a layer lie, below what {@link layerNames} is told. */
const LAYER_NAMES = [
  ['norm1', 'layernorm_before'],
  ['attention.query', 'attention.attention.query'],
  ['attention.key', 'attention.attention.key'],
  ['attention.value', 'attention.attention.value'],
  ['attention.output', 'attention.output.dense'],
  ['norm2', 'layernorm_after'],
  ['mlp.hidden', 'intermediate.dense'],
  ['mlp.output', 'output.dense'],
] as const;

/** Weight and bias of one place. */
export function both(ours: string, theirs: string): NameRow[] {
  return [
    [`${ours}.weight`, `${theirs}.weight`],
    [`${ours}.bias`, `${theirs}.bias`],
  ];
}

/** The names of all layers in a list, such as `encoder.layers` and `encoder.layer`. */
export function layerNames(ours: string, theirs: string): NameRow[] {
  return LAYER_NAMES.flatMap(([mine, other]) => both(`${ours}.{i}.${mine}`, `${theirs}.{i}.${other}`));
}

/** The names of an encoder of ViT or MAE. */
export const ENCODER_NAMES: readonly NameRow[] = [
  ['encoder.classToken', 'embeddings.cls_token'],
  ['encoder.positions', 'embeddings.position_embeddings'],
  ...both('encoder.patches', 'embeddings.patch_embeddings.projection'),
  ...layerNames('encoder.layers', 'encoder.layer'),
  ...both('encoder.norm', 'layernorm'),
];

/** What the modules are called in the classes of transformers 5, whose checkpoints kept the names. */
export const CLASS_NAMES: readonly (readonly [inCheckpoint: string, inClass: string])[] = [
  ['encoder.layer.', 'layers.'],
  ['attention.query', 'q_proj'],
  ['attention.key', 'k_proj'],
  ['attention.value', 'v_proj'],
  ['attention.output.dense', 'attention.o_proj'],
  ['intermediate.dense', 'mlp.fc1'],
  ['output.dense', 'mlp.fc2'],
];

/** The names of a base model below the prefix that they have beside a head. */
export function withPrefix(prefix: string, names: readonly NameRow[]): NameRow[] {
  return names.map(([ours, theirs]) => [ours, prefix + theirs]);
}
