import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { AddressRefused, guardedLookup, refusalOf } from '../../src/registry/address.ts';

describe('refusalOf', () => {
  it.each([
    // address, may a registry have it, may a token server or redirect target
    ['140.82.121.33', true, true],
    ['2606:4700::1111', true, true],
    ['10.96.0.10', true, false],
    ['172.16.0.1', true, false],
    ['192.168.1.1', true, false],
    ['100.64.0.1', true, false],
    ['fd00::1', true, false],
    ['::ffff:10.0.0.1', true, false],
    ['64:ff9b::8c52:7921', true, true],
    ['64:ff9b::a00:1', true, false],
    ['127.0.0.1', false, false],
    ['127.255.255.254', false, false],
    ['0.0.0.0', false, false],
    ['::', false, false],
    ['::1', false, false],
    ['::ffff:127.0.0.1', false, false],
    ['::127.0.0.1', false, false],
    ['64:ff9b::7f00:1', false, false],
    ['64:ff9b:1::7f00:1', false, false],
    ['2002:7f00:1::', false, false],
    ['2001:0:7f00:1::', false, false],
    ['169.254.169.254', false, false],
    ['::ffff:169.254.169.254', false, false],
    ['64:ff9b::a9fe:a9fe', false, false],
    ['169.254.1.1', false, false],
    ['fe80::1', false, false],
    ['fe80::1%eth0', false, false],
    ['fd00:ec2::254', false, false],
    ['fd20:ce::254', false, false],
    ['100.100.100.200', false, false],
    ['168.63.129.16', false, false],
    ['192.0.0.192', false, false],
    ['224.0.0.1', false, false],
    ['255.255.255.255', false, false],
    ['240.0.0.1', false, false],
    ['198.18.0.1', false, false],
    ['ff02::1', false, false],
    ['fec0::1', false, false],
    ['not an address', false, false],
  ])('%s', (address, registry, outside) => {
    expect(refusalOf(address, 'registry') === undefined).toBe(registry);
    expect(refusalOf(address, 'outside') === undefined).toBe(outside);
    expect(refusalOf(address, 'vouched')).toBeUndefined();
  });

  it('says what kind of address it is', () => {
    expect(refusalOf('127.0.0.1', 'registry')).toBe('a loopback address');
    expect(refusalOf('169.254.169.254', 'registry')).toBe("a cloud's metadata address");
    expect(refusalOf('10.0.0.1', 'outside')).toBe('a private address');
  });

  it('is never looser outside than for a registry, nor for a mapped address than for itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        if (refusalOf(address, 'registry') !== undefined) expect(refusalOf(address, 'outside')).toBeDefined();
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(refusalOf(`::ffff:${address}`, 'outside')).toBe(refusalOf(address, 'outside'));
      }),
    );
  });
});

const METADATA = [
  '169.254.169.254',
  'fd00:ec2::254',
  'fd20:ce::254',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
];
it('whatever clouds hand out credentials at is out of reach of what runs in a daemon, too', () => {
  const file = 'manifests/components/buildkit-daemon/network-policy.yaml';
  const policy = parse(readFileSync(file, 'utf8')) as {
    spec: { egress: { to: { ipBlock: { except: string[] } }[] }[] };
  };
  const cut = policy.spec.egress.flatMap(({ to }) => to.flatMap(({ ipBlock }) => ipBlock.except));
  const ranges = cut.map((text) => ipaddr.parseCIDR(text));
  const reached = METADATA.filter(
    (text) =>
      !ranges.some(([base, bits]) => {
        const address = ipaddr.parse(text);
        return address.kind() === base.kind() && address.match(base, bits);
      }),
  );
  expect(reached).toEqual([]);
});

describe('guardedLookup', () => {
  it('refuses a name that resolves to a loopback address, in both shapes of the callback', async () => {
    for (const all of [true, false]) {
      const found = promisify(guardedLookup('registry'))('localhost', { all });
      await expect(found).rejects.toThrow(AddressRefused);
    }
  });
});
