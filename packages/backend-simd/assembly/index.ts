/** The kernels. Each export below the control functions is one kernel; src/engine finds them by name. */
export { argumentsAddress, awaitJob, configure, drain, end, finish, helpersOfLastJob, pending, put, queueAddress, resetUnits } from './control';

export { adafactorMatrices, adafactorVector } from './adafactor';
export { activation, activationGradient, gated, gatedGradient } from './activation';
export { attention, attentionGradient } from './attention';
export { combine, compare, reduceBytes } from './comparison';
export { convolution, imageToRows, pool, poolGradient, rowsToImage } from './convolution';
export { crossEntropy, crossEntropyGradient } from './cross-entropy';
export { depthwise, depthwiseFilterGradient, depthwiseInputGradient } from './depthwise';
export { binary, intToFloat, unary } from './elementwise';
export { gatherRows, scatterAddRows } from './embedding';
export { fewRowsProduct, matrixProduct, matrixProducts } from './matrix-product';
export { copyRows, fillValues, gatherStrided, scatterStrided, selectValues, transposeMatrices } from './movement';
export { norm, normGradient } from './norm';
export { adamW, sgd, squareSums } from './optimizer';
export { dropout } from './random';
export { reduceColumns, reduceRows, softmaxRows } from './reduce';
export { gruStep, gruStepGradient, lstmStep, lstmStepGradient, rnnStep, rnnStepGradient } from './recurrent';
export { rotary } from './rotary';
export { argExtreme, cumulate, topValues } from './selection';
