// As much of a browser's RTCPeerConnection as a call session touches.
import { vi } from 'vitest';

type Encoding = { active?: boolean; codec?: { mimeType: string }; scalabilityMode?: string };
export const CODECS = [
  { mimeType: 'video/VP8' },
  { mimeType: 'video/rtx' },
  { mimeType: 'video/AV1', sdpFmtpLine: 'level-idx=5;profile=1;tier=0' },
  { mimeType: 'video/AV1', sdpFmtpLine: 'level-idx=5;profile=0;tier=0' },
];

// Like a browser, it takes parameters only when they were got after the last ones were set.
export class FakeSender {
  #got = 0;
  refuses = false;
  constructor(public encodings: Encoding[]) {}
  replaceTrack = () => Promise.resolve();
  getParameters = () => ({ encodings: this.encodings.map((one) => ({ ...one })), id: ++this.#got });
  setParameters = async ({ encodings, id }: { encodings: Encoding[]; id: number }) => {
    if (this.refuses || id !== this.#got) throw new Error('refused');
    await Promise.resolve();
    this.#got++;
    this.encodings = encodings;
  };
}

// As much of a browser's connection as the session touches.
export class FakePeer {
  static all: FakePeer[] = [];
  /** What `getStats` has besides the way. */
  static stats: () => Map<string, object> = () => new Map();
  senders: FakeSender[] = [];
  iceConnectionState = 'new';
  oniceconnectionstatechange: (() => void) | null = null;
  ontrack: unknown = null;
  localDescription: { sdp: string } | null = null;
  closed = false;
  /** Bytes that come in a second. */
  comes = 5_000;
  /** Bytes that have come. */
  came = 0;
  #mid = 0;

  constructor(readonly configuration: RTCConfiguration) {
    FakePeer.all.push(this);
    setInterval(() => (this.came += this.comes), 1_000);
  }

  addTransceiver(_kind: string, init?: { sendEncodings?: Encoding[] }) {
    const sender = new FakeSender(init?.sendEncodings ?? []);
    this.senders.push(sender);
    return { mid: String(this.#mid++), sender, setCodecPreferences: () => undefined };
  }
  createOffer = () => Promise.resolve({ type: 'offer', sdp: 'offer' });
  setLocalDescription(description: { sdp: string }) {
    this.localDescription = description;
    return Promise.resolve();
  }
  signalingState = 'stable';
  remoteDescription: unknown = null;
  setRemoteDescription(description: unknown) {
    this.remoteDescription = description;
    return Promise.resolve();
  }
  restartIce = () => undefined;
  getStats() {
    const pair = ['pair', { type: 'candidate-pair', bytesReceived: this.came }] as const;
    return Promise.resolve(new Map<string, object>([...FakePeer.stats(), pair]));
  }
  getConfiguration = () => ({});
  setConfiguration = () => undefined;
  close() {
    this.closed = true;
  }
  turns(state: string) {
    this.iceConnectionState = state;
    this.oniceconnectionstatechange?.();
  }
}

/** The latest connection. */
export const peer = (): FakePeer => {
  const last = FakePeer.all.at(-1);
  if (!last) throw new Error('no connection');
  return last;
};

/** In place of the browser's, with none made yet. */
export function install(): void {
  vi.stubGlobal('RTCPeerConnection', FakePeer);
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null });
  vi.stubGlobal('RTCRtpSender', { getCapabilities: () => ({ codecs: CODECS }) });
  vi.stubGlobal('location', { protocol: 'https:', hostname: 'parta.example.ru', port: '' });
  FakePeer.all = [];
  FakePeer.stats = () => new Map();
}
