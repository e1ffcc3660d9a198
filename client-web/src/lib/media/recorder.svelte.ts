// A microphone, and for video messages a camera, recorded until it is told to stop.

import { loudness } from '../../core/wave';

export type Kind = 'voice' | 'video';
/** Why there is no recording: words of `talk.recording.problems`. */
export type Problem = 'denied' | 'missing' | 'busy' | 'unable';
export type State = 'asking' | 'recording' | 'paused' | 'failed' | 'over';

/** Longest recordings, in milliseconds (`RECORDING_MILLIS_MAX` of the server; video leaves time to stop). */
export const LONGEST_MS: Record<Kind, number> = { voice: 1_800_000, video: 60_000 };
/** Between two looks at how loud it is, in milliseconds. */
const LOOK_EVERY_MS = 50;
/** Between two parts that the recorder hands over, in milliseconds. */
const PART_EVERY_MS = 1_000;
/** What plays everywhere first. */
const TYPES: Record<Kind, readonly string[]> = {
  voice: ['audio/mp4;codecs=mp4a.40.2', 'audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4', ''],
  video: ['video/mp4;codecs=avc1.42E01E,mp4a.40.2', 'video/mp4;codecs=avc1,mp4a.40.2', 'video/webm;codecs=vp9,opus', 'video/webm;codecs=vp8,opus', 'video/mp4', ''],
};
const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
const PICTURE = { facingMode: 'user', width: { ideal: 480 }, height: { ideal: 480 }, aspectRatio: { ideal: 1 }, frameRate: { ideal: 24, max: 30 } };

export class Recorder {
  state = $state<State>('asking');
  problem = $state<Problem>();
  /** Recorded so far, in milliseconds, without pauses. */
  ms = $state(0);
  /** How loud it was at each look, 0 to 1. */
  levels = $state.raw<readonly number[]>([]);
  /** What is recorded, to look at oneself. */
  stream = $state.raw<MediaStream>();

  readonly kind: Kind;
  readonly #longest: () => void;
  #recorder: MediaRecorder | undefined;
  #sound: AudioContext | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;
  #parts: Blob[] = [];
  #before = 0;
  #since = 0;

  /** `longest` is called when it has become as long as it may. */
  constructor(kind: Kind, longest: () => void) {
    this.kind = kind;
    this.#longest = longest;
  }

  async start(): Promise<void> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: SOUND, ...(this.kind === 'video' ? { video: PICTURE } : {}) });
      // Given up meanwhile.
      if (this.state !== 'asking') return stop(stream);
      this.stream = stream;
      const type = TYPES[this.kind].find((one) => one === '' || MediaRecorder.isTypeSupported(one)) ?? '';
      const bits = { audioBitsPerSecond: type.includes('opus') ? 32_000 : 64_000, ...(this.kind === 'video' ? { videoBitsPerSecond: 900_000 } : {}) };
      const recorder = new MediaRecorder(stream, { ...(type ? { mimeType: type } : {}), ...bits });
      recorder.ondataavailable = ({ data }) => data.size > 0 && this.#parts.push(data);
      // A phone call took the microphone: what was said until then is there.
      for (const track of stream.getTracks()) track.onended = () => this.pause();
      recorder.start(PART_EVERY_MS);
      this.#recorder = recorder;
      this.#listen(stream);
      this.#since = performance.now();
      this.state = 'recording';
    } catch (error) {
      this.#fail(error);
    }
  }

  pause(): void {
    if (this.state !== 'recording' || !this.#recorder) return;
    this.#before = this.#length();
    this.ms = this.#before;
    if (this.#recorder.state === 'recording') this.#recorder.pause();
    this.state = 'paused';
  }

  /** Whether it goes on: not when the microphone is gone, or it is as long as it may be. */
  get canResume(): boolean {
    const live = this.stream?.getTracks().every((track) => track.readyState === 'live') ?? false;
    return this.state === 'paused' && live && this.#recorder?.state === 'paused' && this.ms < LONGEST_MS[this.kind];
  }

  resume(): void {
    if (!this.canResume) return;
    this.#recorder?.resume();
    this.#since = performance.now();
    this.state = 'recording';
  }

  /** What was recorded so far, while it is paused. */
  async soFar(): Promise<Blob> {
    const recorder = this.#recorder;
    if (recorder?.state === 'paused') {
      const handed = new Promise((resolve) => recorder.addEventListener('dataavailable', resolve, { once: true }));
      recorder.requestData();
      await handed;
    }
    return this.#whole();
  }

  /** Ends it; gives what was recorded. */
  async stop(): Promise<Blob> {
    this.pause();
    const recorder = this.#recorder;
    if (recorder && recorder.state !== 'inactive') {
      const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
      recorder.stop();
      await stopped;
    }
    this.release();
    return this.#whole();
  }

  /** Lets microphone and camera go. What was recorded stays. */
  release(): void {
    clearInterval(this.#looks);
    if (this.stream) stop(this.stream);
    if (this.#recorder && this.#recorder.state !== 'inactive') this.#recorder.stop();
    void this.#sound?.close().catch(() => undefined);
    this.#sound = undefined;
    this.state = this.state === 'failed' ? 'failed' : 'over';
  }

  #listen(stream: MediaStream): void {
    this.#sound = new AudioContext();
    const analyser = this.#sound.createAnalyser();
    analyser.fftSize = 2_048;
    this.#sound.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#looks = setInterval(() => {
      if (this.state !== 'recording') return;
      analyser.getFloatTimeDomainData(samples);
      this.levels = [...this.levels, loudness(samples)];
      this.ms = this.#length();
      if (this.ms < LONGEST_MS[this.kind]) return;
      this.pause();
      this.#longest();
    }, LOOK_EVERY_MS);
  }

  #length(): number {
    return Math.min(this.#before + performance.now() - this.#since, LONGEST_MS[this.kind]);
  }

  #whole(): Blob {
    return new Blob(this.#parts, { type: this.#recorder?.mimeType ?? '' });
  }

  #fail(error: unknown): void {
    const problems: Record<string, Problem> = { NotAllowedError: 'denied', SecurityError: 'denied', NotFoundError: 'missing', NotReadableError: 'busy', AbortError: 'busy' };
    this.problem = (error instanceof Error && problems[error.name]) || 'unable';
    this.state = 'failed';
    this.release();
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}
