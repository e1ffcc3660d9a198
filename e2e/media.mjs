// What a page can tell about its calls, by the word of the browser and the wire and not of the client.

/**
 * Runs in the page before its scripts: notes every RTCPeerConnection, counts remote descriptions, listens to what the
 * server says on the WebSocket, and adds up what is decoded from whom.
 */
export function watchCalls() {
  const Native = window.RTCPeerConnection;
  if (!Native) return;
  /** @type {RTCPeerConnection[]} */
  const connections = [];
  const e2e = {
    connections,
    remoteDescriptions: 0,
    /** Offers that this page sent. */
    offers: 0,
    /** Milliseconds from the making of the latest connection to its first path; 0 while it has none. */
    connectedAfter: 0,
    /** This browser in the lesson, from the answer to `call.join`. */
    me: '',
    /** @type {{mid: string, from?: {p: string, src: string}}[]} */
    slots: [],
    /** @type {{p: string, u: string, on: string[], here: boolean}[]} */
    people: [],
    /** What the tests made in the page. @type {Record<string, any>} */
    kept: {},
    /**
     * By `peer/source`: pictures decoded, energy heard and seconds of sound played since the watch began.
     * @type {Record<string, {frames: number, energy: number, seconds: number, width: number, height: number, codec: string}>}
     */
    seen: {},
    /** What carried media at the last look: `udp` or `tcp`. */
    transport: '',
    /** Layers of the camera that were encoded since the last look, by `rid`. @type {string[]} */
    layers: [],
    /** The codec in which the screen is sent, the only pictures without a `rid`. */
    screenCodec: '',
    /** Energy of everything heard in a receiving section, by mid, whoever it carried. @type {Record<string, number>} */
    heard: {},
    report: () => ({
      remote: e2e.remoteDescriptions,
      states: connections.map((c) => `${c.connectionState}/${c.iceConnectionState}`),
      seen: e2e.seen,
      me: e2e.me,
      slots: e2e.slots.filter((slot) => slot.from).map((slot) => `${slot.mid}=${slot.from?.p}/${slot.from?.src}`),
      people: e2e.people.map((one) => `${one.p}:${one.here}:${one.on}`),
    }),
  };
  /** @type {any} */ (window).e2e = e2e;
  window.RTCPeerConnection = class extends Native {
    /** @param {any[]} args */
    constructor(...args) {
      super(...args);
      connections.push(this);
      const begin = performance.now();
      e2e.connectedAfter = 0;
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') e2e.connectedAfter ||= performance.now() - begin;
      });
    }
    /** @param {any[]} args */
    setRemoteDescription(...args) {
      e2e.remoteDescriptions += 1;
      return super.setRemoteDescription(.../** @type {[any]} */ (args));
    }
  };

  /** @param {any} frame */
  function hear(frame) {
    if (frame.ok?.sdp && frame.ok.p) {
      e2e.me = frame.ok.p;
      e2e.people = frame.ok.people;
    } else if (frame.e === 'call.slots') e2e.slots = frame.d;
    else if (frame.e === 'call.people') e2e.people = frame.d;
  }
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    /** @param {any[]} args */
    constructor(...args) {
      super(.../** @type {[any]} */ (args));
      this.addEventListener('message', ({ data }) => {
        if (typeof data === 'string') for (const line of data.split('\n')) if (line) hear(JSON.parse(line));
      });
    }
    /** @param {any} data */
    send(data) {
      if (typeof data === 'string' && /"m":"call\.(join|restart)"/.test(data)) e2e.offers += 1;
      if (typeof data === 'string' && /"m":"call\.join"/.test(data)) e2e.slots = [];
      super.send(data);
    }
  };

  /**
   * Last figures by stream, with whom its section carried then. A section may have several: Chromium keeps one for what
   * came before it knew the stream.
   * @type {Map<string, {who: string, frames: number, energy: number, seconds: number}>}
   */
  const last = new Map();
  /** Pictures encoded in each layer at the last look. @type {Map<string, number>} */
  const encoded = new Map();
  async function sample() {
    const connection = connections.findLast((c) => c.connectionState === 'connected');
    if (!connection) return;
    /** @type {Map<string, string>} */
    const who = new Map();
    for (const slot of e2e.slots) if (slot.from) who.set(slot.mid, `${slot.from.p}/${slot.from.src}`);
    /** @type {Record<string, number>} */
    const heard = {};
    /** @type {string[]} */
    const layers = [];
    const report = await connection.getStats();
    const stats = [...report.values()];
    // Chromium says which pair is in use; Firefox marks the pair.
    const selected = stats.find((stat) => stat.selectedCandidatePairId)?.selectedCandidatePairId;
    const pair = stats.find((stat) => (selected ? stat.id === selected : stat.type === 'candidate-pair' && stat.selected));
    const local = stats.find((stat) => stat.id === pair?.localCandidateId);
    // A relayed address is always one of UDP: what leads to the relay is told apart.
    e2e.transport = local?.relayProtocol ?? local?.protocol ?? '';
    for (const stat of stats) {
      const codec = report.get(stat.codecId)?.mimeType ?? '';
      if (stat.type === 'outbound-rtp' && stat.kind === 'video' && !stat.rid) e2e.screenCodec = codec;
      if (stat.type === 'outbound-rtp' && stat.rid) {
        if (stat.framesEncoded > (encoded.get(stat.rid) ?? 0)) layers.push(stat.rid);
        encoded.set(stat.rid, stat.framesEncoded);
      }
      if (stat.type !== 'inbound-rtp') continue;
      const mid = String(stat.mid ?? '');
      if (stat.kind === 'audio') heard[mid] = (heard[mid] ?? 0) + stat.totalAudioEnergy;
      const now = {
        who: who.get(mid) ?? '',
        frames: stat.framesDecoded ?? 0,
        energy: stat.totalAudioEnergy ?? 0,
        seconds: stat.totalSamplesDuration ?? 0,
      };
      const before = last.get(stat.id);
      last.set(stat.id, now);
      // A section that has just changed hands may still hold the end of what it carried before.
      if (!before || before.who !== now.who || now.who === '') continue;
      const entry = (e2e.seen[now.who] ??= { frames: 0, energy: 0, seconds: 0, width: 0, height: 0, codec });
      entry.frames += Math.max(0, now.frames - before.frames);
      entry.energy += Math.max(0, now.energy - before.energy);
      entry.seconds += Math.max(0, now.seconds - before.seconds);
      entry.codec = codec;
      entry.width = stat.frameWidth ?? entry.width;
      entry.height = stat.frameHeight ?? entry.height;
    }
    e2e.heard = heard;
    e2e.layers = layers.sort();
  }
  setInterval(() => void sample().catch(() => undefined), 500);
}

/**
 * Forgets what was seen so far.
 * @param {import('./browsers.mjs').Person} person
 */
export function forget(person) {
  return person.read(() => void (/** @type {any} */ (window).e2e.seen = {}));
}

/**
 * Waits until this person decodes `frames` pictures more of each of `peers` and hears each of them.
 * @param {import('./browsers.mjs').Person} person
 * @param {string[]} peers
 * @param {{frames?: number, sound?: boolean}} [least]
 */
export async function seeAndHear(person, peers, { frames = 10, sound = true } = {}) {
  await forget(person);
  await person.until(
    (/** @type {{peers: string[], frames: number, sound: boolean}} */ want) => {
      const seen = /** @type {any} */ (window).e2e.seen;
      return want.peers.every(
        (p) => seen[`${p}/camera`]?.frames >= want.frames && (!want.sound || seen[`${p}/mic`]?.energy > 0),
      );
    },
    { peers, frames, sound },
    `pictures${sound ? ' and sound' : ''} of ${peers.join(', ')}`,
  );
}

/**
 * How often this page has set a remote description.
 * @param {import('./browsers.mjs').Person} person
 * @returns {Promise<number>}
 */
export function remoteDescriptions(person) {
  return person.read(() => /** @type {any} */ (window).e2e.remoteDescriptions);
}

/**
 * The peer id of this browser in the call that it is in.
 * @param {import('./browsers.mjs').Person} person
 * @returns {Promise<string>}
 */
export async function peerOf(person) {
  await person.until(() => /** @type {any} */ (window).e2e.me, undefined, 'a place in the lesson');
  return person.read(() => /** @type {any} */ (window).e2e.me);
}

/**
 * This end of the path that carries media now, by the word of the browser.
 * @param {import('./browsers.mjs').Person} person
 * @returns {Promise<{protocol: string, candidateType: string, relayProtocol?: string, url?: string}>}
 */
export function localCandidate(person) {
  return person.read(async () => {
    const connection = /** @type {any} */ (window).e2e.connections.at(-1);
    const stats = await connection.getStats();
    const all = [...stats.values()];
    // Chromium says which pair is in use; Firefox marks the pair.
    const selected = all.find((stat) => stat.selectedCandidatePairId)?.selectedCandidatePairId;
    const pair = stats.get(selected) ?? all.find((stat) => stat.type === 'candidate-pair' && stat.selected);
    const local = stats.get(pair?.localCandidateId);
    if (!local) throw new Error(JSON.stringify(all.filter((stat) => /candidate|transport/.test(stat.type))));
    const { protocol, candidateType, relayProtocol, url } = local;
    return { protocol, candidateType, relayProtocol, url };
  });
}
