/** Registers the gradients of tfjs-core's own kernels (written by scripts/bundle-gradients.ts). */
export declare function registerTfjsGradients(): void;
