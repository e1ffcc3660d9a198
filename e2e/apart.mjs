// A network of the tests' own, in which UDP can be blocked without touching the machine's.
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const INSIDE = 'PARTA_E2E_APART';

// The browsers offer no loopback address to each other; a pair of cards with an address stands for the school's network.
const NETWORK = [
  'ip link set lo up',
  'ip link add near type veth peer name far',
  'ip address add 10.98.0.1/24 dev near',
  'ip link set near up',
  'ip link set far up',
  'ip route add default via 10.98.0.2',
  'exec "$0" "$1"',
].join(' && ');

/**
 * True in a network of one's own. Outside of it declares a test that runs the same file in one, which is gone afterwards
 * however the file ends.
 * @param {string} file `import.meta.url` of the test
 */
export function inNetworkOfOwn(file) {
  if (process.env[INSIDE]) return true;
  test('in a network of its own', () => runApart(file));
  return false;
}

/**
 * The same for what is no test.
 * @param {string} file `import.meta.url`
 */
export async function scriptInNetworkOfOwn(file) {
  if (process.env[INSIDE]) return true;
  await runApart(file);
  return false;
}

/** @param {string} file */
async function runApart(file) {
  // A user who is not root is it inside.
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn('unshare', [...asRoot, '--net', 'bash', '-c', NETWORK, process.execPath, fileURLToPath(file)], {
    env: { ...env, [INSIDE]: 'yes' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
  if (status !== 0) throw new Error(`it ended with ${status}`);
}

/** Every datagram is lost from now on, and nobody is told. */
export function blockUdp() {
  filter('--append', ...UDP);
}

export function unblockUdp() {
  filter('--delete', ...UDP);
}

/**
 * What is seen to be media is lost also in TCP: a network that looks into connections. It knows STUN by its magic cookie
 * (RFC 8489 §5), and does not see into TLS.
 */
export function blockStunInTcp() {
  filter('--append', '--protocol', 'tcp', '--match', 'string', '--algo', 'bm', '--hex-string', '|2112a442|', '--jump', 'DROP');
}

const UDP = ['--protocol', 'udp', '--jump', 'DROP'];

/**
 * @param {'--append' | '--delete'} how
 * @param {...string} rule
 */
function filter(how, ...rule) {
  if (!process.env[INSIDE]) throw new Error('not in the network of the machine');
  const { status, stderr } = spawnSync('iptables', [how, 'INPUT', ...rule]);
  if (status !== 0) throw new Error(`iptables: ${stderr}`);
}
