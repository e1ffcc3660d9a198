// What this browser receives, by the person it comes from.

import type { Slot } from '../wire/Slot';

export interface PeerStats {
  framesDecoded: number;
  frameWidth: number;
  frameHeight: number;
  screenFramesDecoded: number;
  screenWidth: number;
  screenHeight: number;
  audioEnergy: number;
}

interface Inbound {
  readonly type: string;
  readonly kind?: string;
  readonly mid?: string;
  readonly framesDecoded?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly totalAudioEnergy?: number;
}

export function statsByPeer(report: RTCStatsReport, slots: readonly Slot[]): Record<string, PeerStats> {
  const byMid = new Map(slots.map((slot) => [slot.mid, slot.from]));
  const peers: Record<string, PeerStats> = {};
  report.forEach((entry: Inbound) => {
    if (entry.type !== 'inbound-rtp') return;
    const from = byMid.get(entry.mid ?? '');
    if (!from) return;
    const peer = (peers[from.p] ??= {
      framesDecoded: 0,
      frameWidth: 0,
      frameHeight: 0,
      screenFramesDecoded: 0,
      screenWidth: 0,
      screenHeight: 0,
      audioEnergy: 0,
    });
    if (from.src === 'camera') {
      peer.framesDecoded = entry.framesDecoded ?? 0;
      peer.frameWidth = entry.frameWidth ?? 0;
      peer.frameHeight = entry.frameHeight ?? 0;
    } else if (from.src === 'screen') {
      peer.screenFramesDecoded = entry.framesDecoded ?? 0;
      peer.screenWidth = entry.frameWidth ?? 0;
      peer.screenHeight = entry.frameHeight ?? 0;
    } else {
      peer.audioEnergy += entry.totalAudioEnergy ?? 0;
    }
  });
  return peers;
}
