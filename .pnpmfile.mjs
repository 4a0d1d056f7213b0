/**
 * The `node-*` packages give `os` and `cpu` as strings, which pnpm passes over; as lists, only the one for this machine
 * is downloaded. The optional peer `webgpu` of our GPU engine (130 MB) is left to the commands that need it, which pnpm would
 * install for the workspace.
 */
export const hooks = {
  readPackage(manifest) {
    if (/^node-(bin-)?(darwin|linux|win)-/.test(manifest.name ?? '')) {
      manifest.os = [manifest.os].flat();
      manifest.cpu = [manifest.cpu].flat();
    }
    if (manifest.name === '@formers/backend-webgpu') delete manifest.peerDependencies.webgpu;
    return manifest;
  },
};
