/** The compiled kernels in base64 (written by scripts/build-kernels.ts). */
export declare const kernelModules: Readonly<Record<'plain' | 'relaxed', string>>;
