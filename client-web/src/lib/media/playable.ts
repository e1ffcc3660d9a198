// Recordings as most browsers play them. What `MediaRecorder` writes has no length and no index, without which Chromium cannot
// go to a place in it (`demuxer seek failed`), be it for the first picture; and WebM stays silent on iPhones before 17.4, Ogg
// before 18.4. So its packets are put, as they are, into a plain MP4; nothing is encoded anew.
//
// Who plays what is then a question of the codec: AAC and H.264, which Safari, Chrome and Edge record, play everywhere. Opus,
// which Firefox and Chromium without AAC record, plays in an MP4 everywhere but in Safari before 17 (github.com/Fyrd/caniuse
// 6805, 7074, 7284). VP8, which Firefox records, is put into a WebM: in an MP4 hardly any browser plays it.

import {
  BlobSource,
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  Mp4OutputFormat,
  Output,
  MP4,
  WEBM,
  WebMOutputFormat,
  type InputTrack,
} from 'mediabunny';

export interface Playable {
  readonly blob: Blob;
  /** Length in milliseconds; absent when it could not be read. */
  readonly ms?: number;
}

/** The recording as a file with a length and an index; as it is, when it cannot be read. */
export async function playable(recorded: Blob): Promise<Playable> {
  try {
    return await remux(recorded);
  } catch {
    return { blob: recorded };
  }
}

async function remux(recorded: Blob): Promise<Playable> {
  const input = new Input({ formats: [WEBM, MP4], source: new BlobSource(recorded) });
  const target = new BufferTarget();
  const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
  const webm = (await video?.getCodec()) === 'vp8';
  const output = new Output({ format: webm ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart: 'in-memory' }), target });
  const tracks = [video, audio].filter((track) => track !== null);
  const begins = Math.min(...(await Promise.all(tracks.map((track) => track.getFirstTimestamp()))));
  const copies: (() => Promise<void>)[] = [];
  if (video) {
    const codec = await video.getCodec();
    if (!codec) throw new Error('no codec');
    const source = new EncodedVideoPacketSource(codec);
    output.addVideoTrack(source, { rotation: await video.getRotation() });
    const decoderConfig = await video.getDecoderConfig();
    copies.push(() => copy(video, begins, (packet) => source.add(packet, decoderConfig ? { decoderConfig } : undefined), () => source.close()));
  }
  if (audio) {
    const codec = await audio.getCodec();
    if (!codec) throw new Error('no codec');
    const source = new EncodedAudioPacketSource(codec);
    output.addAudioTrack(source);
    const decoderConfig = await audio.getDecoderConfig();
    copies.push(() => copy(audio, begins, (packet) => source.add(packet, decoderConfig ? { decoderConfig } : undefined), () => source.close()));
  }
  if (copies.length === 0) throw new Error('no tracks');
  await output.start();
  await Promise.all(copies.map((run) => run()));
  await output.finalize();
  if (!target.buffer) throw new Error('nothing was written');
  const type = webm ? 'video/webm' : video ? 'video/mp4' : 'audio/mp4';
  return { blob: new Blob([target.buffer], { type }), ms: Math.round(((await input.computeDuration()) - begins) * 1_000) };
}

type Packet = Awaited<ReturnType<EncodedPacketSink['getFirstPacket']>> & object;

async function copy(track: InputTrack, begins: number, add: (packet: Packet) => Promise<void>, end: () => void): Promise<void> {
  for await (const packet of new EncodedPacketSink(track).packets()) {
    await add(packet.clone({ timestamp: packet.timestamp - begins }));
  }
  end();
}
