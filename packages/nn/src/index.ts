export { Dropout } from './dropout.ts';
export { Embedding, type EmbeddingConfig } from './embedding.ts';
export { FeedForward, type FeedForwardConfig } from './feed-forward.ts';
export { fanInUniform, type Initializer, normal, ones, xavierUniform, zeros } from './initializers.ts';
export { Linear, type LinearCallOptions, type LinearConfig } from './linear.ts';
export { type AnyModule, Module, parameter } from './module.ts';
export { type NameRow, type StoredName, storedNames } from './name-table.ts';
export { LayerNorm, type NormConfig, RMSNorm } from './norms.ts';
