/**
 * The `node-*` packages give `os` and `cpu` as strings, which pnpm passes over; as lists, only the one for this machine
 * is downloaded.
 */
export const hooks = {
  readPackage(manifest) {
    if (/^node-(bin-)?(darwin|linux|win)-/.test(manifest.name ?? '')) {
      manifest.os = [manifest.os].flat();
      manifest.cpu = [manifest.cpu].flat();
    }
    return manifest;
  },
};
