/** Whether a file, by its path in a folder or zip, could belong to a model. */
export function isModelFile(path: string): boolean {
  return /\.(json|safetensors)$/.test(path) && !/(^|\/)(\.|__MACOSX)/.test(path);
}

/**
 * The files of the Hugging Face folder among others, by their names: those beside the config.json that lies highest.
 *
 * @param files By their paths, with slashes.
 * @throws Error with a message for users where there is none.
 */
export function modelFilesIn(files: ReadonlyMap<string, Blob>): Map<string, Blob> {
  const depth = (path: string): number => path.split('/').length;
  const [config] = [...files.keys()]
    .filter((path) => /(^|\/)config\.json$/.test(path) && isModelFile(path))
    .toSorted((a, b) => depth(a) - depth(b));
  if (config === undefined)
    throw new Error(
      'There is no config.json. A model is a Hugging Face folder: config.json, model.safetensors, preprocessor_config.json.',
    );
  const folder = config.slice(0, -'config.json'.length);
  const inside = [...files].filter(([path]) => path.startsWith(folder) && !path.slice(folder.length).includes('/'));
  const found = new Map(inside.map(([path, file]) => [path.slice(folder.length), file]));
  if ([...found.keys()].some((name) => name.endsWith('.safetensors'))) return found;
  const others = [...found.keys()].filter((name) => /\.(bin|pt|pth|ckpt|onnx|gguf|h5|msgpack)$/.test(name));
  const instead = others.length > 0 ? `; ${others.join(', ')} can't be read here` : '';
  throw new Error(`There is no model.safetensors beside config.json${instead}.`);
}
