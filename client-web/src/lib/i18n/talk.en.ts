// Pins, threads and messages to all, in English.

import type { talk as words } from './talk.ru';

export const talk: typeof words = {
  pins: {
    pin: 'Pin',
    unpin: 'Unpin',
    pinned: 'Pinned',
    which: (at: number, count: number) => `Pinned, ${at} of ${count}`,
    by: (name: string) => `${name} pinned a message`,
    all: (count: number) => `All pinned: ${count}`,
    title: 'Pinned messages',
    none: 'Nothing is pinned any more.',
    tooMany: 'Too many messages are pinned already. Take some down.',
  },
  threads: {
    title: 'Thread',
    answers: (count: number) => (count === 1 ? '1 answer' : `${count} answers`),
    last: (name: string) => `last: ${name}`,
    open: 'Open the thread',
    earlier: 'Show earlier answers',
    none: 'No answers yet.',
    field: 'Answer in the thread',
    send: 'Send the answer',
    inRoom: 'Show in the group',
  },
  picture: {
    choose: 'Choose a picture',
    another: 'Another picture',
    remove: 'Remove the picture',
    bad: 'This picture cannot be read. JPEG, PNG, WebP and GIF of up to 20 MB will do.',
  },
  quote: 'Quote',
  botLike: 'A bot in this group has the name of somebody whom you add: they would be taken for each other. Take the bot out first.',
  waiting: {
    elsewhere: 'being sent in another tab',
    behind: 'goes after the files above',
  },
  all: {
    title: 'A message to everybody',
    reach: (count: number) => `“@all” mentions ${count === 1 ? '1 person' : `${count} people`}. Those who muted the group are notified as well.`,
    send: (count: number) => `Send to all (${count})`,
    quietly: 'Send without mentioning',
    notHere: 'Only the staff write “@all”. Here it stays a plain word.',
  },
  quarantine: {
    title: 'Files held back',
    hint: 'Viruses were found in them. Nobody got them.',
    by: (name: string) => `From: ${name}`,
    virus: (name: string) => `Virus: ${name}`,
  },
  recording: {
    videoProblems: {
      denied: 'No access to the camera or microphone. Allow them in the browser’s settings: the sign to the left of the address.',
      missing: 'No camera or microphone was found.',
      busy: 'Another program uses the camera or microphone.',
      unable: 'It could not be recorded. Please try again.',
    },
    problems: {
      denied: 'No access to the microphone. Allow it in the browser’s settings: the sign to the left of the address.',
      missing: 'No microphone was found.',
      busy: 'Another program uses the microphone.',
      unable: 'It could not be recorded. Please try again.',
    },
  },
  guarded: 'Whoever is responsible for the safety of children may read it',
  errors: {
    due_over: 'It is to be acknowledged before it is sent. Choose another day.',
    poll_closed: 'The poll is closed.',
    voted: 'You have answered this already.',
    all_limit: '“@all” may be written 5 times an hour in a group. Send it without, or wait.',
    alone_with_learners: 'Only one adult would be with the learners. Another one is needed. Or ask an administrator, who keeps the groups of classes.',
    notice_unseen: 'While this waited, who may read the conversation has changed: see above. If that is fine, send it again.',
    rules_changed: 'This was written when other people could read the conversation, so it cannot be edited any more. Write another message.',
  },
};
