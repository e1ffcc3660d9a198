// Fetching a file whole, with progress, to be shown from memory.

/** Gets a file's bytes. `told` hears the share that has come, 0 to 1. Rejects when it cannot be had, or is not wanted. */
export async function original(address: string, size: number, told: (share: number) => void, unwanted: AbortSignal): Promise<Blob> {
  const answer = await fetch(address, { signal: unwanted });
  if (!answer.ok || !answer.body) throw new Error(`${answer.status}`);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let come = 0;
  const reader = answer.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    come += next.value.length;
    told(size > 0 ? Math.min(come / size, 1) : 1);
  }
  return new Blob(parts, { type: answer.headers.get('content-type') ?? '' });
}
