import { existsSync } from 'node:fs';
import path from 'node:path';

import { attempt } from '@formers/cli';

import { type Peer, PEERS_FOLDER } from './harness/contestants.ts';

const inPeers = { folder: PEERS_FOLDER };

/** Installs what the peers need and isn't there: their npm packages, and for onnxruntime the Python packages that PyTorch exports with. */
export async function installPeers(
  peers: readonly Peer[],
  { onNote }: { onNote: (text: string) => void },
): Promise<void> {
  const inNode = peers.filter((peer) => peer !== 'torch');
  if (inNode.length > 0 && !existsSync(path.join(PEERS_FOLDER, 'node_modules', '.package-lock.json'))) {
    onNote(`installing ${inNode.join(', ')}: npm ci in apps/bench/peers, some 200 MB (--peers torch does without)`);
    const failure = await attempt('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], inPeers);
    if (failure !== undefined) onNote(`npm ci failed, so these peers will be absent: ${failure}`);
  }
  const wantsOnnx = peers.includes('ort-web') || peers.includes('ort-node');
  if (!wantsOnnx || existsSync(path.join(PEERS_FOLDER, '.python'))) return;
  if ((await attempt('python3', ['-c', 'import torch'], inPeers)) !== undefined) return; // nothing to export with
  if ((await attempt('python3', ['-c', 'import onnx, onnxscript'], inPeers)) === undefined) return;
  onNote('installing what PyTorch exports ONNX files with: pip into apps/bench/peers/.python, some 30 MB');
  const failure = await attempt(
    'python3',
    [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--root-user-action=ignore', '--no-deps'],
      ...['--target', '.python', '--requirement', 'requirements.txt'],
    ],
    inPeers,
  );
  if (failure !== undefined) onNote(`pip failed, so onnxruntime will be absent: ${failure}`);
}
