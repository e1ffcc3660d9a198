// Cameras and microphones.

export type Kind = 'camera' | 'mic';

/** Why a device could not be had, in words that the page has for it. */
export type DeviceProblem = 'denied' | 'missing' | 'busy' | 'insecure';

const KEY: Record<Kind, string> = { camera: 'parta.camera', mic: 'parta.mic' };

export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

/** @throws {DeviceProblem} */
export async function capture(kind: Kind, deviceId = localStorage.getItem(KEY[kind]) ?? undefined): Promise<MediaStreamTrack> {
  // Browsers hide the devices from pages that did not come over HTTPS or from this machine.
  if (!navigator.mediaDevices) throw 'insecure' satisfies DeviceProblem;
  const device = deviceId ? { deviceId: { ideal: deviceId } } : {};
  const constraints: MediaStreamConstraints =
    kind === 'camera'
      ? { video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 }, ...device } }
      : { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...device } };
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    const track = stream.getTracks()[0];
    if (!track) throw 'missing' satisfies DeviceProblem;
    return track;
  } catch (error) {
    throw problem(error);
  }
}

export function remember(kind: Kind, deviceId: string): void {
  localStorage.setItem(KEY[kind], deviceId);
}

/** The shared screen and, where the browser gives it, its sound. Undefined when the person thought better of it. */
export async function captureScreen(): Promise<{ video: MediaStreamTrack; audio?: MediaStreamTrack } | undefined> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 15, max: 15 } },
      audio: true,
    });
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (!video) return undefined;
    // Sharp letters matter more than smooth movement.
    video.contentHint = 'detail';
    return audio ? { video, audio } : { video };
  } catch {
    return undefined;
  }
}

export async function list(kind: Kind): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const wanted = kind === 'camera' ? 'videoinput' : 'audioinput';
  return all.filter((device) => device.kind === wanted && device.deviceId !== '');
}

function problem(error: unknown): DeviceProblem {
  if (typeof error === 'string') return error as DeviceProblem;
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  return 'busy';
}

/**
 * Loudness of samples from -1 to 1, in whole hundredths from 0 to 100. Whole, since almost silence is a number like
 * `2e-11`, which is no valid value of an ARIA attribute.
 */
export function loudness(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(100, Math.round(Math.sqrt(power) * 400));
}

/** {@link loudness} of a track, until stopped. Only measures: the sound goes nowhere. */
export function meter(track: MediaStreamTrack, level: (value: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let frame = requestAnimationFrame(function measure() {
    analyser.getFloatTimeDomainData(samples);
    level(loudness(samples));
    frame = requestAnimationFrame(measure);
  });
  return () => {
    cancelAnimationFrame(frame);
    void context.close();
  };
}
