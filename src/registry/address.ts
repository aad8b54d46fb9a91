/**
 * Which network addresses the client may talk to.
 *
 * Users choose the registry, and a registry chooses its token server and redirects; without a check either
 * could turn the operator against the cluster's own services. Three degrees of trust:
 *
 * - `vouched`: an administrator named this host and port under `registries` in the settings. Any address.
 * - `registry`: the registry a user named. Public and private addresses (registries inside the cluster have
 *   private ones); never loopback, link-local, cloud metadata, multicast or reserved.
 * - `outside`: a token server or redirect target a registry named. Public addresses only.
 *
 * Addresses are checked after name resolution and the checked address is the one connected to, so a name
 * that resolves differently the second time gains nothing. Through a proxy the proxy resolves names: only
 * literal addresses are checked then, and the proxy's own rules hold.
 */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Trust = 'vouched' | 'registry' | 'outside';

/** The connection was refused by us: the address is not one this kind of target may have. */
export class AddressRefused extends Error {
  override name = 'AddressRefused';
  readonly address: string;
  /** In words: `a loopback address`. */
  readonly range: string;

  constructor(address: string, range: string) {
    super(`${address} is ${range}`);
    this.address = address;
    this.range = range;
  }
}

/** Why `trust` does not allow `address` (a literal without brackets), in words; undefined when it does. */
export function refusalOf(address: string, trust: Trust): string | undefined {
  if (trust === 'vouched') return undefined;
  const range = rangeOf(address);
  if (range === 'public' || (trust === 'registry' && range === 'private')) return undefined;
  return range === 'metadata' ? "a cloud's metadata address" : `a ${range} address`;
}

/**
 * A `lookup` for `net.connect` that drops forbidden addresses.
 * A name left without any gives an `AddressRefused`.
 */
export function guardedLookup(trust: Exclude<Trust, 'vouched'>): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const allowed = found.filter(({ address }) => refusalOf(address, trust) === undefined);
      const [first] = allowed;
      if (first === undefined) {
        const address = found[0]?.address ?? hostname;
        return callback(new AddressRefused(address, refusalOf(address, trust) ?? 'no address'), []);
      }
      if (options.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

type Range = 'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'reserved';

/** Instance metadata outside 169.254.0.0/16: AWS, GCP, Alibaba, Oracle, and Azure's wire server. */
const METADATA = new Set(
  ['169.254.169.254', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'].map(
    (a) => ipaddr.parse(a).toNormalizedString(),
  ),
);
const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3');
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');

function rangeOf(text: string): Range {
  if (!ipaddr.isValid(text)) return 'reserved';
  const address = embedded(ipaddr.process(text));
  if (METADATA.has(address.toNormalizedString())) return 'metadata';
  switch (address.range()) {
    case 'loopback':
    case 'unspecified': // Linux connects 0.0.0.0 and :: to itself.
      return 'loopback';
    case 'linkLocal':
      return 'link-local';
    case 'private':
    case 'carrierGradeNat':
    case 'uniqueLocal':
      return 'private';
    case 'unicast':
      return address.kind() === 'ipv4' || address.match(GLOBAL_V6) ? 'public' : 'reserved';
    default:
      return 'reserved';
  }
}

/** The IPv4 address behind a NAT64 one (RFC 6052), so that IPv6-only clusters reach IPv4 registries. */
function embedded(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() !== 'ipv6' || !address.match(NAT64)) return address;
  return ipaddr.fromByteArray(address.toByteArray().slice(12));
}
