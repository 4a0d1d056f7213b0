import { spawn } from 'node:child_process';

/** Runs a command in a folder, without showing what it says; its last line of errors if it failed. */
export function attempt(
  file: string,
  args: readonly string[],
  { folder }: { folder: string },
): Promise<string | undefined> {
  const child = spawn(file, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: process.platform === 'win32',
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code) =>
      resolve(code === 0 ? undefined : words.trim().split('\n').at(-1) || `ended with ${code}`),
    );
  });
}

/** Installs what the lockfile of a folder says, without running code of its packages; the last line of what npm says if that failed. */
export function npmCi(folder: string): Promise<string | undefined> {
  return attempt('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { folder });
}
