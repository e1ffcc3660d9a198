// What stands for the files of a message that has no text.

import { i18n } from '$lib/i18n/i18n.svelte';
import type { Attachment } from '../../core/wire/Attachment';

/** A recording and a photo by what they are, for the names that phones give them say nothing; others by their name. */
export function attached(files: readonly Attachment[] | undefined): string {
  const [file] = files ?? [];
  if (!file) return '';
  if (file.rec) return file.rec.kind === 'video' ? i18n.t.recording.videoNote : i18n.t.recording.voice;
  return file.mime.startsWith('image/') ? i18n.t.picture : file.name;
}
