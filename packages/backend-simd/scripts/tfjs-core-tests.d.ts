/** Files of tfjs-core without types that scripts/conformance-suite.ts bundles. */
declare module '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
declare module '@tensorflow/tfjs-core/dist/register_all_gradients';
declare module '@tensorflow/tfjs-core/dist/tests';
declare module '@tensorflow/tfjs-core/dist/jasmine_util' {
  export function setTestEnvs(
    environments: readonly { name: string; backendName: string; isDataSync: boolean }[],
  ): void;
}
