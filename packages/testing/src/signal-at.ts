/**
 * Arguments for Node that make a process send itself a signal when it first writes a text to its output, as a user's Ctrl-C at that moment would. A test that
 * waits for the text and then signals comes too late when it is given no processor for a while.
 */
export function signalAt(text: string, signal: NodeJS.Signals): string[] {
  const code = `
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (...args) => {
      const result = write(...args);
      if (String(args[0]).includes(${JSON.stringify(text)})) {
        process.stdout.write = write;
        process.kill(process.pid, ${JSON.stringify(signal)});
      }
      return result;
    };`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}
