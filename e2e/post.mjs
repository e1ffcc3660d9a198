// A real mail server, Debian's Exim: it takes every mail and puts it into a Maildir.
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freeTcpPort } from './server.mjs';
import { eventually } from './steps.mjs';

/** @param {number} port */
const answers = (port) =>
  new Promise((resolve) => {
    const line = connect(port, '127.0.0.1');
    line.once('connect', () => (line.destroy(), resolve(true))).once('error', () => resolve(false));
  });

export class Post {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #process;

  /**
   * @param {string} folder
   * @param {number} port
   */
  constructor(folder, port) {
    this.folder = folder;
    this.port = port;
  }

  static async create() {
    const post = new Post(await mkdtemp(join(tmpdir(), 'parta-post-')), await freeTcpPort());
    await chmod(post.folder, 0o755);
    for (const name of ['mail', 'log', 'spool']) {
      await mkdir(join(post.folder, name));
      await chmod(join(post.folder, name), 0o777);
    }
    const settings = join(post.folder, 'exim.conf');
    await writeFile(settings, post.#settings(), { mode: 0o644 });
    post.#process = spawn('/usr/sbin/exim4', ['-C', settings, '-bdf', '-q1s'], { stdio: 'ignore' });
    await eventually(() => answers(post.port), (there) => there === true, 'the mail server');
    return post;
  }

  /** Settings of a Parta that sends by it, as variables. */
  get variables() {
    return {
      PARTA_MAIL_HOST: '127.0.0.1',
      PARTA_MAIL_PORT: String(this.port),
      PARTA_MAIL_TLS: 'off',
      PARTA_MAIL_FROM: 'Школа <parta@parta.test>',
      PARTA_MAIL_SOON_MINUTES: '0',
    };
  }

  /** The next mail, its text decoded. It is taken out. */
  async next() {
    const folder = join(this.folder, 'mail/new');
    const names = await eventually(() => readdir(folder).catch(() => []), (all) => all.length > 0, 'a mail');
    const path = join(folder, names.sort()[0] ?? '');
    const mail = await readFile(path, 'utf8');
    await rm(path);
    const encoded = /Content-Transfer-Encoding: base64\r?\n\r?\n([\s\S]+?)\r?\n--/.exec(mail)?.[1];
    return encoded === undefined ? mail.replaceAll(/=\r?\n/g, '') : Buffer.from(encoded, 'base64').toString('utf8');
  }

  async stop() {
    this.#process?.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  #settings() {
    const isRoot = process.getuid?.() === 0;
    return `
primary_hostname = localhost
spool_directory = ${this.folder}/spool
log_file_path = ${this.folder}/log/%slog
pid_file_path = ${this.folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${this.port}
deliver_drop_privilege = ${!isRoot}
acl_smtp_rcpt = accept
keep_environment =
host_lookup =
rfc1413_hosts =

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = ${this.folder}/mail
  maildir_format
  ${isRoot ? 'user = Debian-exim\n  group = Debian-exim' : ''}
`;
  }
}
