/**
 * The images as they are: what their trees hold, who may do what in them, and that other tools read them.
 * With kind the images come from Docker, and there is nothing of ours to look at.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildkit, kaniko } from '../../scripts/cluster/parts.ts';
import { wayHere } from '../../scripts/cluster/prerequisites.ts';
import { run } from '../../scripts/cluster/run.ts';
import {
  baseImage,
  buildkitImage,
  kanikoImage,
  operatorImage,
  pauseImage,
  readImage,
  uvImage,
} from '../../scripts/images/images.ts';
import { unpack } from '../../scripts/images/layer.ts';

const HOST_AUTHORITIES = '/usr/local/share/ca-certificates';

const operator = async () => operatorImage((await buildkit()).buildctl);

let place: string;

/** The archive and the unpacked tree of an image. */
async function unpacked(archive: string): Promise<{ archive: string; tree: string }> {
  const tree = await mkdtemp(join(place, 'tree-'));
  await unpack((await readImage(archive)).layers, tree);
  return { archive, tree };
}

/** Runs a shell script as a container would: with /dev and /proc, everything read-only but /tmp. */
async function inside(tree: string, user: string, script: string): Promise<string> {
  const enter = [
    'mount --bind "$0" "$0" && cd "$0"',
    'mount --rbind /dev dev && mount -t proc proc proc && mount -t tmpfs -o mode=1777 tmpfs tmp',
    'mount -o remount,bind,ro "$0"',
    'exec env -i PATH=/usr/local/bin:/usr/bin:/usr/sbin HOME=/tmp chroot "--userspec=$1" "$0" sh -euc "$2" 2>&1',
  ].join(' && ');
  const namespaces = ['--mount', '--propagation=private', '--pid', '--fork', '--kill-child', '--net'];
  return (await run('unshare', [...namespaces, 'sh', '-c', enter, tree, user, script])).stdout;
}

describe.runIf((await wayHere()) === 'node')('the images of the node', () => {
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'imagespec-images-'));
  });
  afterAll(async () => {
    await rm(place, { recursive: true, force: true });
  });

  it.each([
    ['pause', pauseImage, 'imagespec.local/pause:3.10'],
    ['uv', uvImage, 'ghcr.io/astral-sh/uv:0.12.5'],
    ['base', baseImage, 'docker.io/library/python:3.11-slim'],
    ['BuildKit', async () => buildkitImage(await buildkit()), 'docker.io/moby/buildkit:v0.32.2-rootless'],
    ['Kaniko', async () => kanikoImage(await kaniko()), 'ghcr.io/osscontainertools/kaniko:v1.28.3'],
    ['operator', operator, 'docker.io/imagespec/operator:dev'],
  ])('skopeo reads the %s image and checks its layers', async (_, make, reference) => {
    const archive = await make();
    const { digest, reference: name } = await readImage(archive);
    expect(name).toBe(reference);
    const { stdout } = await run('skopeo', ['inspect', `oci-archive:${archive}`]);
    expect(JSON.parse(stdout).Digest).toBe(digest);
    const copy = await mkdtemp(join(place, 'copy-'));
    await run('skopeo', ['--insecure-policy', 'copy', `oci-archive:${archive}`, `dir:${copy}`]);
    await rm(copy, { recursive: true });
  });

  it('the base image has Python under all its names, may be installed into and trusts no CA of this host', async () => {
    const { tree } = await unpacked(await baseImage());
    const versions = await inside(tree, '0:0', 'for p in python python3 python3.11; do $p --version; done');
    expect(versions.trim().split('\n')).toHaveLength(3);
    expect(existsSync(join(tree, 'usr/lib/python3.11/EXTERNALLY-MANAGED'))).toBe(false);
    const trusted = await readFile(join(tree, 'etc/ssl/certs/ca-certificates.crt'), 'utf8');
    const own = existsSync(HOST_AUTHORITIES) ? await readdir(HOST_AUTHORITIES) : [];
    for (const name of own.filter((name) => name.endsWith('.crt'))) {
      const certificate = await readFile(join(HOST_AUTHORITIES, name), 'utf8');
      expect(trusted.includes(certificate.trim()), name).toBe(false);
    }
    expect(await readFile(join(tree, 'etc/resolv.conf'), 'utf8')).toBe('');
  });

  it('the uv image holds a program that needs nothing of the image it is mounted into', async () => {
    const { tree } = await unpacked(await uvImage());
    const { stdout } = await run('chroot', [tree, '/uv', '--version']);
    expect(stdout).toMatch(/^uv 0\.12\.5/);
  });

  it('the BuildKit image lets a user without root map ids, and starts its programs', async () => {
    const { tree } = await unpacked(await buildkitImage(await buildkit()));
    const script =
      'getcap /usr/bin/newuidmap /usr/bin/newgidmap; buildkitd --version; buildctl --version; id -un';
    const said = await inside(tree, '1000:1000', script);
    expect(said).toContain('/usr/bin/newuidmap cap_setuid=ep');
    expect(said).toContain('/usr/bin/newgidmap cap_setgid=ep');
    expect(said).toContain('buildkitd github.com/moby/buildkit');
    expect(said.trim().split('\n').at(-1)).toBe('user');
    expect((await stat(join(tree, 'run/user/1000'))).uid).toBe(1000);
  });

  it('the Kaniko image holds a program that needs nothing else, and no shell', async () => {
    const { tree } = await unpacked(await kanikoImage(await kaniko()));
    const { stdout } = await run('chroot', [tree, '/kaniko/executor', 'version']);
    expect(stdout).toContain('Kaniko version');
    expect((await readdir(tree)).sort()).toEqual(['etc', 'kaniko', 'workspace']);
  });

  describe("the operator's image", () => {
    let tree: string;
    let archive: string;
    beforeAll(async () => {
      ({ archive, tree } = await unpacked(await operator()));
    });

    it('is smaller than 120 MB', async () => {
      expect((await stat(archive)).size).toBeLessThan(120e6);
    });

    it('is the same archive as long as no source changes', async () => {
      expect(await operator()).toBe(archive);
    });

    it('runs Node with every production package as its own user, on a read-only root', async () => {
      const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'));
      const imports = Object.keys(dependencies).map((name) => `await import(${JSON.stringify(name)});`);
      const said = await inside(
        tree,
        '65532:65532',
        `cd /app; id -un; node --input-type=module -e '${imports.join(' ')} console.log(process.version)'`,
      );
      expect(said).toMatch(/^imagespec\nv24\./);
    });

    it("has BuildKit's client, and what its script needs", async () => {
      const programs = 'for program in xargs tee sed grep head tail; do command -v "$program"; done';
      const said = await inside(tree, '65532:65532', `buildctl --version; ${programs}`);
      expect(said).toMatch(/^buildctl github.com\/moby\/buildkit(.*\n){7}$/);
    });

    it('knows the user of engines, as whom ssh is run too', async () => {
      expect(await inside(tree, '1000:1000', 'id -un; ssh git@127.0.0.1 -p 1 || true')).toMatch(
        /^engine\n.*port 1/s,
      );
    });

    it('has a git that clones with submodules and an ssh that knows its user', async () => {
      const said = await inside(
        tree,
        '65532:65532',
        `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
         export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always
         cd /tmp; git init -q inner; git -C inner commit -q --allow-empty -m inner
         git init -q outer; git -C outer submodule --quiet add /tmp/inner in; git -C outer commit -q -m outer
         git clone -q --depth 1 --recurse-submodules file:///tmp/outer copy; git -C copy submodule status
         git ls-remote ssh://git@127.0.0.1:1/x || true`,
      );
      expect(said).toMatch(/^ [0-9a-f]{40} in /m);
      expect(said).toContain('ssh: connect to host 127.0.0.1 port 1');
    });

    it('holds nothing that gains rights by being run', async () => {
      expect(await inside(tree, '0:0', 'find / -xdev -type f -perm /6000')).toBe('');
    });
  });
});
