// Texts that hung other messengers when they drew them, each with the report; and how they get into a room faster than by typing.

/** Bytes of the longest message. */
export const BODY_BYTES_MAX = 16_384;

/** As many of a part as one message has room for. @param {string} part @param {string} [end] */
const full = (part, end = '') => part.repeat(Math.floor((BODY_BYTES_MAX - Buffer.byteLength(end)) / Buffer.byteLength(part))) + end;

/** @type {{name: string, text: string, shows: string}[]} */
export const HOSTILE = [
  // RocketChat#1435
  { name: 'link', text: '[Link](https://www.google.com/pages/viewpage.action?pageId=314703900#Title)', shows: 'Link' },
  { name: 'links', text: full('[Link](https://www.google.com/pages/viewpage.action?pageId=314703900#Title) '), shows: 'Link' },
  // mattermost#8196
  { name: 'fence', text: '> ```\n> незакрытый код\nа дальше ``` обычный текст\n> ```', shows: 'незакрытый код' },
  { name: 'fences', text: full('> ```\n> a\n', '> незакрытый код'), shows: 'незакрытый код' },
  // mattermost#10856
  { name: 'underscores', text: full('a_b___c * ('), shows: 'c * (a_b' },
  // RocketChat#30362
  { name: 'list', text: full('|_ [5] asdf - asdf (Avg: 0:23:54, Max: 0:59:01, 13.5%)\n'), shows: '[5] asdf - asdf (Avg: 0:23:54' },
  // codemirror5#7128
  { name: 'spaces', text: full(' ', '@'), shows: '@' },
];

/** What is typed beyond every limit (codemirror5#7128). */
export const SPACES_TYPED = `${' '.repeat(100_000)}@`;

/**
 * Runs in a page whose person is in the room: writes a message over a socket of its own.
 * @param {{room: string, cid: string, text: string}} what
 * @returns {Promise<string>} its id
 */
export async function post({ room, cid, text }) {
  const socket = new WebSocket(`ws://${location.host}/api/v1/ws`, 'hub.v1.json');
  await new Promise((resolve) => (socket.onopen = resolve));
  /** @type {Promise<any>} */
  const answer = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      for (const line of data.split('\n')) if (JSON.parse(line).i === 2) resolve(JSON.parse(line));
    };
  });
  socket.send(JSON.stringify({ i: 1, m: 'hello', p: { v: 1, dev: cid, app: 'test', focus: [] } }));
  socket.send(JSON.stringify({ i: 2, m: 'msg.send', p: { r: room, cid, body: text } }));
  const { ok, err } = await answer;
  socket.close();
  if (err) throw new Error(JSON.stringify(err));
  return ok.id;
}
