// What is asked of the server about reading conversations of two, and about holding what is deleted.

import { i18n } from '$lib/i18n/i18n.svelte';
import { API, api } from '../../core/http';
import type { Between } from '../../core/wire/Between';
import type { InspectedPage } from '../../core/wire/InspectedPage';
import type { Inspections } from '../../core/wire/Inspections';
import type { NewInspection } from '../../core/wire/NewInspection';
import type { RetentionChange } from '../../core/wire/RetentionChange';
import type { SetSafeguarding } from '../../core/wire/SetSafeguarding';
import type { Step } from '../../core/wire/Step';
import type { TakeStep } from '../../core/wire/TakeStep';

const at = (id: string): string => `/inspections/${encodeURIComponent(id)}`;

export const inspections = (): Promise<Inspections> => api<Inspections>('GET', '/inspections');

export const ask = (of: Between, reason: string, alone: boolean): Promise<void> =>
  api('POST', '/inspections', { of, reason, ...(alone ? { alone } : {}) } satisfies NewInspection);

export const setSafeguarding = (person: string, on: boolean): Promise<void> =>
  api('PUT', `/people/${encodeURIComponent(person)}/safeguarding`, { on } satisfies SetSafeguarding);

export const take = (id: string, step: Step): Promise<void> => api('POST', at(id), { step } satisfies TakeStep);

export const page = (id: string, before?: number): Promise<InspectedPage> =>
  api<InspectedPage>('GET', `${at(id)}/messages${before === undefined ? '' : `?before=${before}`}`);

export const archive = (id: string): string => `${API}${at(id)}/export?lang=${i18n.language}`;

export const hold = (room: string, on: boolean): Promise<void> =>
  api('PATCH', `/rooms/${encodeURIComponent(room)}/retention`, { hold: on } satisfies RetentionChange);
