// What a pinned message says, in one line.

import { markdown } from '$lib/chat/markdown.svelte';
import type { Hit } from '../../core/wire/Hit';
import type { Piece } from '../../core/wire/Piece';

const plain = (pieces: readonly Piece[]): string => pieces.map(({ t }) => t).join('');

export const saying = ({ text, files }: Hit): string => markdown.line(plain(text)) || files.map(plain).join(', ');
