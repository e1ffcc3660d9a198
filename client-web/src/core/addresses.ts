// Web addresses as they are shown: nobody should take one for another's.

export interface Address {
  /** Where it leads: http, https or mailto, nothing else. */
  readonly href: string;
  /** Whose it is, for a reader to judge. */
  readonly host: string;
  /** All of it, for a reader. */
  readonly shown: string;
}

const CYRILLIC_HOST = /^[\p{Script=Cyrillic}\d.-]+$/u;
/** They turn what is beside them around, or take no place. */
const INVISIBLE = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

/** Undefined for what is no address, or one that is made to be misread: with a name before the host. */
export function address(text: string): Address | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol === 'mailto:') return { href: url.href, host: url.pathname, shown: url.href.replace(/^mailto:/u, '') };
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') return undefined;
  const host = readable(url.hostname) + (url.port && `:${url.port}`);
  const rest = decoded(`${url.pathname}${url.search}${url.hash}`);
  // As it was written, if it says so itself.
  const bare = rest === '/' && !text.endsWith('/') ? '' : rest;
  return { href: url.href, host, shown: `${url.protocol}//${host}${bare}` };
}

// Letters of other scripts that look like Latin ones are shown as what goes over the wire (RFC 3492), unless the whole name,
// with its top-level domain, is Cyrillic: «президент.рф» is read as it is.
function readable(host: string): string {
  if (!host.includes('xn--')) return host;
  const labels = host.split('.').map((label) => (label.startsWith('xn--') ? unicode(label.slice(4)) : label));
  const whole = labels.join('.');
  return labels.every((label) => label !== undefined) && CYRILLIC_HOST.test(whole) && new URL(`http://${whole}`).hostname === host ? whole : host;
}

function decoded(path: string): string {
  try {
    return decodeURI(path).replaceAll(INVISIBLE, (char) => encodeURIComponent(char)).replaceAll(' ', '%20');
  } catch {
    return path;
  }
}

/** Punycode without its prefix (RFC 3492 §6.2); undefined when it is none. */
function unicode(label: string): string | undefined {
  const [BASE, T_MIN, T_MAX, SKEW, DAMP] = [36, 1, 26, 38, 700];
  let [n, index, bias] = [128, 0, 72];
  const cut = label.lastIndexOf('-');
  const out = [...label.slice(0, Math.max(0, cut))].map((char) => char.charCodeAt(0));
  let at = cut + 1;
  while (at < label.length) {
    const before = index;
    for (let [weight, k] = [1, BASE]; ; k += BASE) {
      const digit = Number.parseInt(label[at++] ?? '', BASE);
      // Here letters come before digits.
      const value = Number.isNaN(digit) ? NaN : digit < 10 ? digit + 26 : digit - 10;
      if (Number.isNaN(value)) return undefined;
      index += value * weight;
      const threshold = Math.min(T_MAX, Math.max(T_MIN, k - bias));
      if (value < threshold) break;
      weight *= BASE - threshold;
    }
    const length = out.length + 1;
    let delta = Math.floor((index - before) / (before === 0 ? DAMP : 2));
    delta += Math.floor(delta / length);
    bias = 0;
    for (; delta > ((BASE - T_MIN) * T_MAX) / 2; bias += BASE) delta = Math.floor(delta / (BASE - T_MIN));
    bias += Math.floor(((BASE - T_MIN + 1) * delta) / (delta + SKEW));
    n += Math.floor(index / length);
    index %= length;
    if (n > 0x10_ffff) return undefined;
    out.splice(index++, 0, n);
  }
  return String.fromCodePoint(...out);
}
