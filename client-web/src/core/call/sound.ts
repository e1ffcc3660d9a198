// Sound that repeats in each packet what came before it (RFC 2198), while the server asks for it.

/** Sections whose sound is to be sent so, by mid. */
export type Repeating = ReadonlySet<string>;

/**
 * The server's answer with Opus that repeats named first in these sections, and plain Opus in all others. Chromium sends
 * what is named first; it takes no `codec` in a sender's encodings for this.
 */
export function named(answer: string, repeating: Repeating): string {
  return answer
    .split(/(?=^m=)/m)
    .map((section) => {
      const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
      const red = /^a=rtpmap:(\d+) red\/48000\/2/im.exec(section)?.[1];
      if (!section.startsWith('m=audio ') || mid === undefined || red === undefined) return section;
      const wanted = repeating.has(mid);
      return section.replace(/^(m=\S+ \S+ \S+) ([^\r\n]*)/, (_, head: string, types: string) => {
        const others = types.split(' ').filter((type) => type !== red);
        return [head, ...(wanted ? [red, ...others] : [...others, red])].join(' ');
      });
    })
    .join('');
}

/** Sends sound so from now on. Both descriptions stay in this browser: what they say was agreed when it joined. */
export async function repeat(pc: RTCPeerConnection, repeating: Repeating): Promise<void> {
  const before = pc.remoteDescription?.sdp;
  if (before === undefined || pc.signalingState !== 'stable') return;
  const sdp = named(before, repeating);
  if (sdp === before) return;
  try {
    await pc.setLocalDescription(await pc.createOffer());
    await pc.setRemoteDescription({ type: 'answer', sdp });
  } catch {
    // A browser that cannot goes on as it is; it may have no offer to take back.
    await pc.setLocalDescription({ type: 'rollback' }).catch(() => undefined);
  }
}
