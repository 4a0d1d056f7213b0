export async function benchPack(_args: readonly string[]): Promise<void> {}
