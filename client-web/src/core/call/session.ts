// One browser's part in a lesson. SDP goes once each way per join; afterwards tracks are replaced and slots are
// mapped, and nobody renegotiates. The network may go and come: first ICE restarts, then the whole join is repeated
// with the same tracks and the same mutes.

import { backoff } from '../backoff';
import { Refused, type Method, type Params, type Results } from '../socket';
import type { Codec } from '../wire/Codec';
import type { ErrorCode } from '../wire/ErrorCode';
import type { LiveEvent } from '../wire/LiveEvent';
import type { Participant } from '../wire/Participant';
import type { PeerLink } from '../wire/PeerLink';
import type { Quality } from '../wire/Quality';
import type { Slot } from '../wire/Slot';
import type { SlotStream } from '../wire/SlotStream';
import type { Source } from '../wire/Source';
import type { Speaking } from '../wire/Speaking';
import type { View } from '../wire/View';
import { sendIn } from './codecs';
import { Freezes } from './freezes';
import { addTransceivers, mid, upMids, type Transceivers } from './offer';
import { LOOK_MS, Pulse, received } from './pulse';
import { iceServers } from './relay';
import { joinedList, told, type Telling } from './roll';
import { repeat, type Repeating } from './sound';
import { statsByPeer, type PeerStats } from './stats';

/** How long a lost path may find itself again before ICE is restarted. */
const PATIENCE_MS = 1_500;
/** How long a restart may take before the join is repeated. */
const RESTART_MS = 8_000;
/** How often the server is told how the call does here; it takes no more than one in 5 s. */
const REPORT_MS = 10_000;
/** What of one's own freezes is told: as much as the server keeps. */
const FREEZES_KEPT = 6;

export type CallStatus = 'joining' | 'on' | 'reconnecting' | 'over';

export interface CallState {
  readonly status: CallStatus;
  /** This browser's peer id, while it has one. */
  readonly me: string | undefined;
  readonly people: readonly Participant[];
  readonly slots: readonly Slot[];
  /** Pictures in codecs that this browser does not have. */
  readonly untaken: readonly SlotStream[];
  readonly speaking: Speaking;
  readonly quality: Quality | undefined;
  /** Pictures that stood still here, within a minute. */
  readonly freezes: number;
  /** Everybody's links, while they are watched. */
  readonly links: readonly PeerLink[];
  readonly on: Readonly<Record<Source, boolean>>;
  /** Received tracks by mid. They belong to slots, so they stay while people change. */
  readonly tracks: ReadonlyMap<string, MediaStreamTrack>;
}

export type Request = <M extends Method>(m: M, p: Params<M>) => Promise<Results[M]>;

export interface Options {
  readonly call: string;
  readonly videoSlots: number;
  readonly request: Request;
  readonly changed: (state: CallState) => void;
  /** No packets get through: the chat's connection may be as dead without knowing it. */
  readonly pathLost: () => void;
  /** The lesson is over, or this person or browser cannot be in it (`problem`). */
  readonly ended: (problem: ErrorCode | undefined) => void;
}

type Tracks = Partial<Record<Source, MediaStreamTrack>>;

/** Opens a device that is on; nothing when it cannot be had. */
export type Open = (source: 'mic' | 'camera') => Promise<MediaStreamTrack | undefined>;

const DEVICES = ['mic', 'camera'] as const;

const SILENT: Speaking = { speakers: [] };

const SOURCES = ['mic', 'camera', 'screen', 'screen_audio'] as const;

/** Refusals that another try would only repeat. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['call_ended', 'call_full', 'forbidden', 'media_refused', 'too_large']);

export class CallSession {
  /** Answers applied since the page began this lesson: 1 per join. */
  remoteDescriptions = 0;
  state: CallState;
  /** The person wants no pictures: told to the teacher, so that an empty page is no riddle. */
  soundOnly = false;
  readonly #options: Options;
  #tracks: Tracks = {};
  #pc: RTCPeerConnection | undefined;
  #transceivers: Transceivers | undefined;
  #views: readonly View[] = [];
  /** What was told of the people since this join was asked for, until it is answered. */
  #early: Telling[] | undefined;
  /** Switches that the server has not heard of, by the latest of each: an answer is to one of them. */
  #unsaid = new Map<Source, number>();
  #said = 0;
  /** The page was away: what is on is not known before the server has said so. */
  #back: { readonly muted: readonly Source[]; readonly open: Open } | undefined;
  /** What the person has switched: that goes before what was. */
  #switched = new Set<Source>();
  /** What the server said of this join's senders. */
  #codecs = new Map<Source, Codec>();
  /** A sender's parameters may be changed only once at a time. */
  #sending = Promise.resolve();
  #lost: ReturnType<typeof setTimeout> | undefined;
  /** The connection whose ICE restart the server has not answered. */
  #restarting: RTCPeerConnection | undefined;
  #freezes = new Freezes();
  #frozen: readonly number[] = [];
  #reports: ReturnType<typeof setInterval> | undefined;
  #reported = 0;
  /** When this join began, and how long it took until it is told. */
  #asked: number | undefined;
  #joinMs: number | undefined;
  #watching = false;
  /** An ICE restart was answered and looks for a path: another one would begin the search anew. */
  #searching = false;
  #pulse = new Pulse();
  #looks: ReturnType<typeof setInterval> | undefined;
  #tries = 0;
  #generation = 0;

  constructor(options: Options) {
    this.#options = options;
    this.state = {
      status: 'joining',
      me: undefined,
      people: [],
      slots: [],
      untaken: [],
      speaking: SILENT,
      quality: undefined,
      freezes: 0,
      links: [],
      on: { mic: false, camera: false, screen: false, screen_audio: false },
      tracks: new Map(),
    };
  }

  async join(tracks: Tracks): Promise<void> {
    this.#tracks = { ...tracks };
    this.#set({ on: { ...this.state.on, mic: tracks.mic !== undefined, camera: tracks.camera !== undefined } });
    await this.#connect();
  }

  /** Comes back after the page was away. What was on is on again, as the server holds it, but for `muted`. */
  async comeBack(muted: readonly Source[], open: Open): Promise<void> {
    this.#back = { muted, open };
    await this.#connect();
  }

  /** What is off, and the server has not heard of it. */
  get unheardMutes(): readonly Source[] {
    return [...(this.#back?.muted ?? []), ...this.#unsaid.keys()].filter((source) => !this.state.on[source]);
  }

  /** Sends a source, or stops sending it. Without a track the source goes on with the one it had. */
  async setSource(source: Source, on: boolean, track?: MediaStreamTrack): Promise<void> {
    this.#switched.add(source);
    this.#unsaid.set(source, ++this.#said);
    if (track) this.#tracks[source] = track;
    if (!on && source !== 'mic') delete this.#tracks[source];
    this.#set({ on: { ...this.state.on, [source]: on } });
    // The microphone keeps its track, switched off: unmuting must not wait for a device.
    const sender = this.#transceivers?.up[source].sender;
    await sender?.replaceTrack((on || source === 'mic' ? this.#tracks[source] : undefined) ?? null);
    if (this.#tracks.mic && source === 'mic') this.#tracks.mic.enabled = on;
    await this.#tellSource(source);
  }

  /** Switches a source of a device, for everybody. Only the staff may; what became of it is told with the people. */
  async setDevice(p: string, src: Source, on: boolean): Promise<void> {
    await this.#ask('call.set', { call: this.#options.call, src, on, p });
  }

  view(views: readonly View[]): void {
    if (JSON.stringify(views) === JSON.stringify(this.#views)) return;
    this.#views = views;
    this.#tellViews();
  }

  /** An event of this lesson from the server. */
  event(event: LiveEvent): void {
    if (!('call' in event) || event.call !== this.#options.call) return;
    switch (event.e) {
      case 'call.people':
      case 'call.changed':
        this.#early?.push(event);
        this.#set({ people: told(this.state.people, event) });
        return;
      case 'call.slots':
        this.#freezes.slots(event.d);
        this.#set({ slots: event.d });
        return;
      case 'call.untaken':
        this.#set({ untaken: event.d });
        return;
      case 'call.layers':
        this.#sending = this.#sending.then(() => this.#send(event.d));
        return;
      case 'call.codec':
        this.#codecs.set(event.d.src, event.d.codec);
        this.#code(event.d.src);
        return;
      case 'call.speaking':
        this.#set({ speaking: event.d });
        return;
      case 'call.quality':
        this.#set({ quality: event.d });
        return;
      case 'call.links':
        if (this.#watching) this.#set({ links: event.d });
        return;
      case 'call.gone':
        this.#rejoin();
        return;
    }
  }

  /** The chat's connection is back. The server kept this browser's place unless it says otherwise. */
  connectionReady(): void {
    if (this.state.status === 'over' || this.#pc === undefined) return;
    void this.#ask('call.view', { call: this.#options.call, views: [...this.#views] }).then((answer) => {
      if (answer === 'refused') this.#rejoin();
      else if (answer === 'done') {
        for (const source of this.#unsaid.keys()) void this.#tellSource(source);
        if (this.#watching) this.#tellWatching();
        if (this.state.status === 'reconnecting') void this.#restart();
      }
    });
  }

  /** The network is back or another one. */
  networkChanged(): void {
    if (this.state.status === 'reconnecting') void this.#restart();
  }

  /** Asks to be told how everybody's link does, or no more. For staff. */
  watch(on: boolean): void {
    if (on === this.#watching) return;
    this.#watching = on;
    if (!on) this.#set({ links: [] });
    if (this.state.me) this.#tellWatching();
  }

  leave(): void {
    void this.#ask('call.leave', { call: this.#options.call });
    this.#finish();
  }

  /** The lesson was ended for everybody. */
  over(): void {
    this.#end(undefined);
  }

  async stats(): Promise<Record<string, PeerStats>> {
    return this.#pc ? statsByPeer(await this.#pc.getStats(), this.state.slots) : {};
  }

  async #connect(): Promise<void> {
    const generation = ++this.#generation;
    this.#asked = performance.now();
    this.#joinMs = undefined;
    this.#close();
    this.#transceivers = undefined;
    this.#codecs.clear();
    this.#freezes = new Freezes();
    this.#set({ tracks: new Map(), slots: [], untaken: [], me: undefined });
    try {
      const iceServers = await this.#iceServers();
      if (generation !== this.#generation) return;
      const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers });
      this.#pc = pc;
      pc.ontrack = ({ transceiver, track }) => {
        if (pc !== this.#pc) return;
        this.#set({ tracks: new Map(this.state.tracks).set(mid(transceiver), track) });
      };
      pc.oniceconnectionstatechange = () => {
        if (pc === this.#pc) this.#path(pc.iceConnectionState);
      };
      const transceivers = addTransceivers(pc, this.#options.videoSlots);
      this.#transceivers = transceivers;
      for (const source of SOURCES) {
        await transceivers.up[source].sender.replaceTrack(this.#tracks[source] ?? null);
      }
      await pc.setLocalDescription(await pc.createOffer());
      const { on } = this.state;
      const back = this.#back;
      this.#early = [];
      const joined = await this.#options.request('call.join', {
        call: this.#options.call,
        sdp: pc.localDescription?.sdp ?? '',
        up: upMids(transceivers.up),
        down_audio: transceivers.audio.map(mid),
        down_video: transceivers.video.map(mid),
        ...(back
          ? { on: DEVICES.filter((source) => !back.muted.includes(source)), back: true }
          : { on: SOURCES.filter((source) => on[source]) }),
      });
      if (pc !== this.#pc) return;
      this.#set({ me: joined.p, people: joinedList(joined, this.#early ?? []) });
      this.#early = undefined;
      this.#unsaid.clear();
      for (const source of SOURCES) if (on[source] !== this.state.on[source]) void this.#tellSource(source);
      if (back) void this.#goOn(back.open, joined.people.find((one) => one.p === joined.p)?.on ?? []);
      this.#back = undefined;
      this.remoteDescriptions += 1;
      await pc.setRemoteDescription({ type: 'answer', sdp: joined.sdp });
      if (pc !== this.#pc) return;
      this.#looks = setInterval(() => void this.#look(pc), LOOK_MS);
      // What was said before could not be done: nothing was agreed.
      for (const source of this.#codecs.keys()) this.#code(source);
      this.#tellViews();
      if (this.#watching) this.#tellWatching();
      // Without a path after this time something is wrong with it.
      this.#watch(RESTART_MS * 2);
    } catch (error) {
      if (generation === this.#generation) this.#failed(error);
    }
  }

  // What the server says was on is opened, one after the other, unless the person has switched it meanwhile.
  async #goOn(open: Open, on: readonly Source[]): Promise<void> {
    for (const source of DEVICES) {
      if (!on.includes(source)) continue;
      const track = this.#switched.has(source) ? undefined : await open(source);
      if (this.state.status === 'over') return;
      if (this.#switched.has(source)) await this.#tellSource(source);
      else await this.setSource(source, track !== undefined, track);
    }
  }

  // Fresh each time: a login for the relay ends. A server that does not know the question has none.
  async #iceServers(): Promise<RTCIceServer[]> {
    try {
      const { relay } = await this.#options.request('call.ice', { call: this.#options.call });
      return iceServers(relay, location);
    } catch (error) {
      if (error instanceof Refused) return [];
      throw error;
    }
  }

  async #restart(): Promise<void> {
    const pc = this.#pc;
    // A second offer would make the answer to the first one wrong. While a join is unanswered there is nothing to restart.
    if (!pc || pc === this.#restarting || this.state.me === undefined) return;
    this.#restarting = pc;
    try {
      pc.setConfiguration({ ...pc.getConfiguration(), iceServers: await this.#iceServers() });
      if (pc !== this.#pc) return;
      await this.#sending;
      if (pc !== this.#pc) return;
      pc.restartIce();
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      const { sdp } = await this.#options.request('call.restart', {
        call: this.#options.call,
        sdp: pc.localDescription?.sdp ?? '',
      });
      if (pc !== this.#pc) return;
      this.remoteDescriptions += 1;
      await pc.setRemoteDescription({ type: 'answer', sdp });
      if (pc !== this.#pc) return;
      this.#searching = true;
      this.#watch(RESTART_MS);
    } catch (error) {
      if (pc !== this.#pc) return;
      // Without an answer there is no connection to ask on: `connectionReady` goes on.
      if (error instanceof Refused) this.#rejoin();
    } finally {
      if (pc === this.#restarting) {
        this.#restarting = undefined;
        // The new answer names everything as the first one did.
        for (const source of ['mic', 'screen_audio'] as const) this.#code(source);
      }
    }
  }

  #path(ice: RTCIceConnectionState): void {
    if (ice === 'connected' || ice === 'completed') {
      if (this.#asked !== undefined) this.#joinMs = Math.round(performance.now() - this.#asked);
      this.#asked = undefined;
      this.#startReports();
      // A browser that has not noticed the loss says so all the time.
      if (!this.#pulse.lost) this.#found();
    } else if (ice === 'failed') {
      this.#loses();
    } else if (ice === 'disconnected') {
      this.#options.pathLost();
      if (this.#searching) return;
      clearTimeout(this.#lost);
      this.#lost = setTimeout(() => this.#loses(), PATIENCE_MS);
    }
  }

  async #look(pc: RTCPeerConnection): Promise<void> {
    const report = await pc.getStats().catch(() => undefined);
    if (!report || pc !== this.#pc) return;
    const news = this.#pulse.look(received(report));
    if (news && isUp(pc)) this.#found();
    else if (this.#pulse.lost && isUp(pc) && this.state.status === 'on') this.#loses();
  }

  #found(): void {
    clearTimeout(this.#lost);
    this.#searching = false;
    this.#tries = 0;
    if (this.state.status !== 'on') this.#set({ status: 'on' });
  }

  #loses(): void {
    this.#options.pathLost();
    this.#set({ status: 'reconnecting' });
    if (!this.#searching) void this.#restart();
  }

  // Joins anew when there is still no path after this time.
  #watch(ms: number): void {
    clearTimeout(this.#lost);
    const pc = this.#pc;
    this.#lost = setTimeout(() => {
      if (pc && pc === this.#pc && (!isUp(pc) || this.#pulse.lost)) this.#rejoin();
    }, ms);
  }

  #rejoin(): void {
    if (this.state.status === 'over') return;
    clearTimeout(this.#lost);
    // Whatever still comes by the old connection, the next one is needed.
    clearInterval(this.#looks);
    this.#set({ status: 'reconnecting' });
    this.#lost = setTimeout(() => void this.#connect(), backoff(this.#tries++, Math.random()));
  }

  #failed(error: unknown): void {
    const code = error instanceof Refused ? error.error.c : undefined;
    if (code !== undefined && FINAL.has(code)) this.#end(code === 'call_ended' ? undefined : code);
    else this.#rejoin();
  }

  // 'refused' when the server does not know this browser in the lesson.
  async #ask<M extends Method>(m: M, p: Params<M>): Promise<'done' | 'refused' | 'unanswered'> {
    try {
      await this.#options.request(m, p);
      return 'done';
    } catch (error) {
      if (!(error instanceof Refused)) return 'unanswered';
      return error.error.c === 'forbidden' ? 'refused' : 'done';
    }
  }

  async #tellSource(source: Source): Promise<void> {
    const nth = ++this.#said;
    this.#unsaid.set(source, nth);
    const answer = await this.#ask('call.set', { call: this.#options.call, src: source, on: this.state.on[source] });
    // Refused to one who is not in the lesson: the next join says it.
    if (answer === 'done' && this.#unsaid.get(source) === nth) this.#unsaid.delete(source);
  }

  // Layers of the camera that nobody can use at the size shown cost the battery and the way up.
  async #send(layers: number): Promise<void> {
    const sender = this.#transceivers?.up.camera.sender;
    const parameters = sender?.getParameters();
    if (!sender || !parameters?.encodings) return;
    parameters.encodings.forEach((encoding, at) => {
      encoding.active = at < layers;
    });
    // A browser that refuses goes on sending all: the server forwards what it wants.
    await sender.setParameters(parameters).catch(() => undefined);
  }

  #code(source: Source): void {
    const pc = this.#pc;
    this.#sending = this.#sending.then(async () => {
      const sender = this.#transceivers?.up[source].sender;
      const codec = this.#codecs.get(source);
      if (!sender || !codec || !pc?.remoteDescription || pc !== this.#pc) return;
      if (source === 'camera' || source === 'screen') await sendIn(sender, codec);
      // The answer to an ICE restart would not fit what is said meanwhile; it is said again afterwards.
      else if (pc !== this.#restarting) await repeat(pc, this.#repeating());
    });
  }

  #repeating(): Repeating {
    const sources = SOURCES.filter((source) => this.#codecs.get(source) === 'red');
    return new Set(sources.flatMap((source) => this.#transceivers?.up[source].mid ?? []));
  }

  #startReports(): void {
    if (this.#reports !== undefined) return;
    this.#reported = performance.now();
    this.#reports = setInterval(() => void this.#report(), REPORT_MS);
  }

  async #report(): Promise<void> {
    const pc = this.#pc;
    if (!pc || this.state.me === undefined || this.state.status !== 'on') return;
    const report = await pc.getStats();
    if (pc !== this.#pc) return;
    const now = performance.now();
    const seconds = Math.min(60, Math.max(1, Math.round((now - this.#reported) / 1_000)));
    this.#reported = now;
    const seen = this.#freezes.take(report, now);
    // A page out of sight is slowed down by the browser, which is nobody's fault.
    const { freezes, frozenMs, fps } = globalThis.document?.hidden ? { freezes: 0, frozenMs: 0, fps: undefined } : seen;
    this.#frozen = [...this.#frozen, freezes].slice(-FREEZES_KEPT);
    this.#set({ freezes: this.#frozen.reduce((sum, one) => sum + one, 0) });
    const joinMs = this.#joinMs;
    const answer = await this.#ask('call.stats', {
      call: this.#options.call,
      seconds,
      freezes,
      frozen_ms: Math.round(frozenMs),
      ...(fps === undefined ? {} : { fps: Math.min(255, fps) }),
      ...(joinMs === undefined ? {} : { join_ms: joinMs }),
      sound_only: this.soundOnly,
    });
    if (answer === 'done' && joinMs === this.#joinMs) this.#joinMs = undefined;
  }

  #tellWatching(): void {
    void this.#ask('call.watch', { call: this.#options.call, on: this.#watching });
  }

  #end(problem: ErrorCode | undefined): void {
    if (this.state.status === 'over') return;
    this.#finish();
    this.#options.ended(problem);
  }

  #tellViews(): void {
    if (this.state.me) void this.#ask('call.view', { call: this.#options.call, views: [...this.#views] });
  }

  #close(): void {
    clearInterval(this.#looks);
    this.#pulse = new Pulse();
    this.#searching = false;
    this.#pc?.close();
    this.#pc = undefined;
  }

  #finish(): void {
    this.#generation++;
    clearTimeout(this.#lost);
    clearInterval(this.#reports);
    this.#close();
    for (const track of Object.values(this.#tracks)) track?.stop();
    this.#tracks = {};
    this.#set({ status: 'over', tracks: new Map() });
  }

  #set(change: Partial<CallState>): void {
    this.state = { ...this.state, ...change };
    this.#options.changed(this.state);
  }
}

// As far as the browser has noticed.
function isUp(pc: RTCPeerConnection): boolean {
  return pc.iceConnectionState === 'connected' || pc.iceConnectionState === 'completed';
}
