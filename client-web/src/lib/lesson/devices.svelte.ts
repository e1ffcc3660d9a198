// The camera and the microphone that a person brings to a lesson.

import { capture, list, remember, type DeviceProblem, type Kind } from '../../core/call/devices';

export class Device {
  track = $state.raw<MediaStreamTrack>();
  problem = $state<DeviceProblem>();
  choices = $state.raw<readonly MediaDeviceInfo[]>([]);
  busy = $state(false);
  /** The system holds the device back, as iOS does for a phone call. It does not always give it back. */
  silenced = $state(false);
  /** It went away by itself: unplugged, or the system took it for good. */
  lost = $state(false);
  /** Called when the device goes away by itself. */
  onlost: (() => void) | undefined;
  readonly kind: Kind;
  #opening: Promise<MediaStreamTrack | undefined> | undefined;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  get chosen(): string {
    return this.track?.getSettings().deviceId ?? '';
  }

  open(deviceId?: string): Promise<MediaStreamTrack | undefined> {
    if (deviceId !== undefined) return this.#open(deviceId);
    // Whoever asks meanwhile gets the same: of two tracks one would end the other.
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(deviceId?: string): Promise<MediaStreamTrack | undefined> {
    this.busy = true;
    try {
      const before = this.track;
      const track = await capture(this.kind, deviceId);
      before?.stop();
      track.onended = () => {
        this.track = undefined;
        this.silenced = false;
        this.lost = true;
        this.problem = 'missing';
        this.onlost?.();
      };
      track.onmute = () => (this.silenced = true);
      track.onunmute = () => (this.silenced = false);
      this.silenced = track.muted;
      this.lost = false;
      this.track = track;
      this.problem = undefined;
      if (deviceId) remember(this.kind, deviceId);
      this.choices = await list(this.kind);
    } catch (problem) {
      this.problem = problem as DeviceProblem;
    } finally {
      this.busy = false;
    }
    return this.track;
  }

  close(): void {
    this.silenced = false;
    this.lost = false;
    this.track?.stop();
    this.track = undefined;
  }
}
