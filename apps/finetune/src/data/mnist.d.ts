/** 10,000 of MNIST's digits: for each digit its images one after another, 784 numbers from 0 to 1 each. */
declare module 'mnist' {
  const digits: readonly { readonly raw: readonly number[] }[];
  export default digits;
}
