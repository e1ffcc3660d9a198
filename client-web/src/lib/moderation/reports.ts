// What is asked of the server about reports, mutes and rules.

import { api } from '../../core/http';
import type { Decide } from '../../core/wire/Decide';
import type { Mutes } from '../../core/wire/Mutes';
import type { NewReport } from '../../core/wire/NewReport';
import type { Place } from '../../core/wire/Place';
import type { Reason } from '../../core/wire/Reason';
import type { Reports } from '../../core/wire/Reports';

/** Those that people choose from; the server has some of its own. */
export const REASONS: readonly Reason[] = ['insult', 'violence', 'indecent', 'private', 'spam', 'other'];

/** For how many minutes somebody may be kept from writing; 0 is until it is lifted. */
export const MINUTES = [15, 60, 1_440, 0] as const;

const id = encodeURIComponent;

export const report = (message: string, made: NewReport): Promise<void> => api('POST', `/messages/${id(message)}/reports`, made);

export const reports = (): Promise<Reports> => api<Reports>('GET', '/reports');

export const placeOf = (which: string): Promise<Place> => api<Place>('GET', `/reports/${id(which)}/place`);

export const decide = (which: string, decision: Decide): Promise<void> => api('POST', `/reports/${id(which)}`, decision);

export const mutes = (room: string): Promise<Mutes> => api<Mutes>('GET', `/rooms/${id(room)}/mutes`);

export const mute = (room: string, u: string, minutes: number): Promise<void> =>
  api('POST', `/rooms/${id(room)}/mutes`, { u, ...(minutes > 0 ? { minutes } : {}) });

export const unmute = (room: string, u: string): Promise<void> => api('DELETE', `/rooms/${id(room)}/mutes/${id(u)}`);
