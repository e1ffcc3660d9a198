// The relay for networks that let nothing but the page itself through: it listens at the page's own host and port.

import type { RelayLogin } from '../wire/RelayLogin';

export function iceServers(relay: RelayLogin | undefined, page: Pick<Location, 'protocol' | 'hostname' | 'port'>): RTCIceServer[] {
  if (!relay) return [];
  const secure = page.protocol === 'https:';
  const port = page.port || (secure ? '443' : '80');
  const urls = `${secure ? 'turns' : 'turn'}:${page.hostname}:${port}?transport=tcp`;
  return [{ urls, username: relay.user, credential: relay.password }];
}
