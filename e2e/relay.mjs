// A network that can be lost: stands between one browser and the server, and can go silent as a lost Wi-Fi does.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/**
 * @typedef {{near: import('node:net').Socket, far?: import('node:net').Socket, broken?: boolean}} Wire
 */

/**
 * Passes on TCP (pages and WebSocket) and UDP (media). While it is silent nothing passes in either direction and nobody
 * is told: no FIN, no RST; new connections hang. Afterwards TCP goes on where it was, as it does when the lost
 * segments are sent again; datagrams of that time are lost.
 */
export class Relay {
  #silent = false;
  /** @type {Set<Wire>} */
  #wires = new Set();
  /** Towards the server, one per address of the browser. @type {Map<string, import('node:dgram').Socket>} */
  #paths = new Map();
  // `pauseOnConnect`: not a byte of a connection made in the silence is read before its end.
  #tcp = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => this.#accept({ near }));
  #udp = createSocket('udp4');
  #to = { tcp: 0, udp: 0 };

  static async open() {
    const relay = new Relay();
    relay.#tcp.listen(0, HOST);
    relay.#udp.bind(0, HOST);
    await Promise.all([once(relay.#tcp, 'listening'), once(relay.#udp, 'listening')]);
    relay.#udp.on('message', (datagram, from) => relay.#outward(datagram, from));
    return relay;
  }

  /** The address under which the browser opens Parta. */
  get origin() {
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#tcp.address());
    return `http://${HOST}:${port}`;
  }

  /** Where the browser is to send media. */
  get mediaPorts() {
    return { udp: this.#udp.address().port, tcp: Number(new URL(this.origin).port) };
  }

  /** @param {import('./server.mjs').Server} server */
  leadTo(server) {
    this.#to = { tcp: Number(new URL(server.origin).port), udp: server.mediaPort };
  }

  silence() {
    this.#silent = true;
    for (const { near, far } of this.#wires) {
      for (const socket of [near, far]) socket?.unpipe().pause();
    }
  }

  heal() {
    this.#silent = false;
    for (const wire of this.#wires) {
      if (wire.broken) this.#cut(wire);
      else this.#join(wire);
    }
  }

  async close() {
    for (const wire of this.#wires) this.#cut(wire);
    for (const path of this.#paths.values()) path.close();
    this.#paths.clear();
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, 'close');
  }

  /** @param {Wire} wire */
  #accept(wire) {
    this.#wires.add(wire);
    this.#watch(wire, wire.near);
    if (!this.#silent) this.#join(wire);
  }

  /** @param {Wire} wire */
  #join(wire) {
    if (!wire.far) {
      wire.far = connect({ host: HOST, port: this.#to.tcp, allowHalfOpen: true });
      this.#watch(wire, wire.far);
    }
    wire.near.pipe(wire.far);
    wire.far.pipe(wire.near);
  }

  // What one end learns of the other waits for the end of the silence too.
  /**
   * @param {Wire} wire
   * @param {import('node:net').Socket} socket
   */
  #watch(wire, socket) {
    socket.setNoDelay(true);
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', (failed) => {
      const other = socket === wire.near ? wire.far : wire.near;
      if (!other || other.destroyed) this.#wires.delete(wire);
      else if (failed && this.#silent) wire.broken = true;
      else if (failed) this.#cut(wire);
    });
  }

  /** @param {Wire} wire */
  #cut({ near, far }) {
    near.destroy();
    far?.destroy();
  }

  /**
   * @param {Buffer} datagram
   * @param {import('node:dgram').RemoteInfo} from
   */
  #outward(datagram, from) {
    if (this.#silent) return;
    const key = `${from.address}:${from.port}`;
    let path = this.#paths.get(key);
    if (!path) {
      path = createSocket('udp4');
      path.on('message', (answer) => {
        if (!this.#silent) this.#udp.send(answer, from.port, from.address);
      });
      this.#paths.set(key, path);
    }
    path.send(datagram, this.#to.udp, HOST);
  }
}

/**
 * Runs in the page before its scripts. The server announces its own ports for media; the browser is to use the relay's,
 * so the candidates of the answer are changed before the browser reads them. The rest is the browser's and the server's:
 * ICE finds the server behind the relay by authenticated STUN, as behind any router.
 * @param {{udp: number, tcp: number}} ports the relay's
 */
export function sendMediaThrough(ports) {
  const { prototype } = RTCPeerConnection;
  /** @type {(this: RTCPeerConnection, answer: RTCSessionDescriptionInit) => Promise<void>} */
  const setRemoteDescription = prototype.setRemoteDescription;
  /**
   * @this {RTCPeerConnection}
   * @param {RTCSessionDescriptionInit} answer
   */
  prototype.setRemoteDescription = function (answer) {
    const sdp = answer.sdp?.replace(
      /^(a=candidate:\S+ \d+ (udp|tcp) \d+ \S+) \d+ /gim,
      (_, before, transport) => `${before} ${transport.toLowerCase() === 'udp' ? ports.udp : ports.tcp} `,
    );
    return setRemoteDescription.call(this, { ...answer, sdp });
  };
}
