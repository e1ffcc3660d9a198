// A camera that flashes and a microphone that beeps at the same moment, and an eye and an ear for them in the page.

/**
 * Runs in the page before its scripts: replaces camera and microphone. About once per second, and not regularly, the
 * whole picture is white for a while and a tone sounds; both begin in the same turn of the page.
 */
export function flashAndBeep() {
  const WIDTH = 640;
  const HEIGHT = 360;
  const PICTURE_MS = 33;
  const FLASH_MS = 200;
  const [PAUSE_MS, PAUSE_MORE_MS] = [900, 600];

  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  // 0: a picture is taken when it is asked for, and not when the next one would be due.
  const [camera] = /** @type {CanvasCaptureMediaStreamTrack[]} */ (canvas.captureStream(0).getVideoTracks());

  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 1_000 });
  const loudness = new GainNode(context, { gain: 0 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  tone.connect(loudness).connect(out);
  tone.start();
  const [mic] = out.stream.getAudioTracks();

  /** When flashes were drawn, milliseconds of the system's clock. @type {number[]} */
  const drawn = [];
  let next = performance.now() + PAUSE_MS;
  let dark = 0;
  setInterval(() => {
    const now = performance.now();
    if (now >= next) {
      next = now + PAUSE_MS + Math.random() * PAUSE_MORE_MS;
      dark = now + FLASH_MS;
      drawn.push(Date.now());
      loudness.gain.setValueAtTime(0.5, context.currentTime);
      loudness.gain.setValueAtTime(0, context.currentTime + FLASH_MS / 1_000);
    }
    draw.fillStyle = now < dark ? 'white' : 'black';
    draw.fillRect(0, 0, WIDTH, HEIGHT);
    // Something always moves, as before a real camera.
    draw.fillStyle = 'grey';
    draw.fillRect((now / 10) % WIDTH, 0, 40, 20);
    camera.requestFrame();
  }, PICTURE_MS);

  // Clones: the page may stop what it was given and ask again.
  navigator.mediaDevices.getUserMedia = async ({ audio, video } = {}) =>
    new MediaStream([...(video ? [camera.clone()] : []), ...(audio ? [mic.clone()] : [])]);
  /** @type {any} */ (window).flashing = { camera, mic, drawn };
}

/**
 * An AudioWorklet that tells when a tone begins, in milliseconds of the system's clock. Sound is handled in bursts: the
 * clock is compared with the count of samples over about half a second, and the median is used.
 */
export const EAR = `
const LOUD = 0.1;
const SILENCE_S = 0.4;
registerProcessor('ear', class extends AudioWorkletProcessor {
  offsets = [];
  loudAt = -Infinity;
  process([input]) {
    this.offsets.push(Date.now() - currentTime * 1000);
    if (this.offsets.length > 200) this.offsets.shift();
    for (const [at, sample] of (input[0] ?? []).entries()) {
      if (Math.abs(sample) < LOUD) continue;
      const time = currentTime + at / sampleRate;
      if (time - this.loudAt > SILENCE_S) {
        const offset = this.offsets.toSorted((a, b) => a - b)[this.offsets.length >> 1];
        this.port.postMessage(time * 1000 + offset);
      }
      this.loudAt = time;
    }
    return true;
  }
});`;

/**
 * When flashes were presented and tones began (milliseconds of the system's clock); and once per second by how much the
 * browser holds sound longer than pictures, and by how much it says that the sound is later.
 * @typedef {{flashes: number[], tones: number[], held: number[], says: number[]}} Marks
 */

/**
 * Runs in the page: begins to note {@link Marks} in `e2e.kept.marks`, and ends what was begun before.
 * @param {{peer?: string, ear: string}} what whose; without `peer`, those that this page makes itself; and where {@link EAR} is
 */
export async function noteFlashes({ peer, ear }) {
  const { e2e, flashing } = /** @type {any} */ (window);
  /** @type {Marks} */
  const marks = { flashes: [], tones: [], held: [], says: [] };
  e2e.kept.marks = marks;
  /** @type {(source: string) => string} */
  const midOf = (source) => e2e.slots.find((/** @type {any} */ slot) => slot.from?.p === peer && slot.from.src === source)?.mid;
  const connection = /** @type {RTCPeerConnection} */ (e2e.connections.at(-1));

  const ownVideo = async () => {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = new MediaStream([flashing.camera]);
    await video.play();
    return video;
  };
  const video = /** @type {HTMLVideoElement | null} */ (
    peer === undefined ? await ownVideo() : document.querySelector(`[data-peer="${peer}"][data-source="camera"] video`)
  );
  const sound = /** @type {MediaStreamTrack | undefined} */ (
    peer === undefined ? flashing.mic : connection.getTransceivers().find(({ mid }) => mid === midOf('mic'))?.receiver.track
  );
  if (!video || !sound) throw new Error('nothing to watch');

  const draw = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  let bright = true;
  video.requestVideoFrameCallback(function look(now, { expectedDisplayTime }) {
    draw?.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
    const was = bright;
    bright = (draw?.getImageData(0, 0, 1, 1).data[0] ?? 0) > 127;
    if (bright && !was) marks.flashes.push(expectedDisplayTime + Date.now() - performance.now());
    if (e2e.kept.marks === marks) video.requestVideoFrameCallback(look);
  });

  // What an ear hears is the later the longer it has listened on a busy machine: each measurement takes a new one.
  await e2e.kept.ear?.close();
  const context = new AudioContext();
  e2e.kept.ear = context;
  await context.audioWorklet.addModule(ear);
  const node = new AudioWorkletNode(context, 'ear');
  node.port.onmessage = ({ data }) => marks.tones.push(data);
  // It puts out silence; what leads nowhere would not be run.
  context.createMediaStreamSource(new MediaStream([sound])).connect(node).connect(context.destination);

  if (peer === undefined) return;
  /** Seconds held and pieces given out so far, by mid. @type {Record<string, {held: number, pieces: number}>} */
  let last = {};
  setInterval(async () => {
    /** @type {typeof last} */
    const now = {};
    /** @type {Record<string, number>} */
    const playing = {};
    for (const stat of (await connection.getStats()).values()) {
      if (stat.type !== 'inbound-rtp' || !stat.jitterBufferEmittedCount) continue;
      now[stat.mid] = { held: stat.jitterBufferDelay, pieces: stat.jitterBufferEmittedCount };
      playing[stat.mid] = stat.estimatedPlayoutTimestamp;
    }
    const [sound, picture] = [midOf('mic'), midOf('camera')];
    /** @type {(mid: string) => number} */
    const held = (mid) => (1_000 * (now[mid]?.held - last[mid]?.held)) / (now[mid]?.pieces - last[mid]?.pieces);
    const longer = held(sound) - held(picture);
    if (Number.isFinite(longer)) marks.held.push(longer);
    // Sound that was captured earlier than the picture that plays with it is late by as much.
    const later = playing[picture] - playing[sound];
    if (Number.isFinite(later)) marks.says.push(later);
    last = now;
  }, 1_000);
}
