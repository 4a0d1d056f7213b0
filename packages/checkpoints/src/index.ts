export { CheckpointError, type CheckpointErrorCode, type TensorMismatch } from './errors.ts';

export { type SafetensorsDType, safetensorsDTypes, type StoredTensor, type TensorInfo } from './safetensors/dtypes.ts';
export { parseSafetensors, type SafetensorsFile } from './safetensors/parse-safetensors.ts';
export { serializeSafetensors, type SerializeSafetensorsOptions } from './safetensors/serialize-safetensors.ts';
export { type ConvertOptions, fromFloat32, fromInt32, toFloat32, toInt32 } from './safetensors/convert.ts';

export { type FolderLocation, openFolder, type OpenFolderOptions } from './folders/open-folder.ts';
export type { FileProgress, FolderSource, ReadOptions } from './folders/folder-source.ts';
export { type FileContent, type FolderTarget, memoryTarget, openTarget } from './folders/folder-target.ts';

export { type Checkpoint, openCheckpoint, type OpenCheckpointOptions } from './checkpoint/open-checkpoint.ts';
export { saveCheckpoint, type SaveCheckpointOptions } from './checkpoint/save-checkpoint.ts';
export { compareNames, type FoundTensors } from './checkpoint/compare-names.ts';

export {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJsonObject,
  type ParseJsonOptions,
} from './json/parse-json.ts';
export { readJson } from './json/read-json.ts';
export { type JsonLike, serializeJson, type SerializeJsonOptions } from './json/serialize-json.ts';
