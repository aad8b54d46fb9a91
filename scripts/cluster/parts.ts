/**
 * The programs that are compiled from Go modules: Kubernetes, etcd, BuildKit and Kaniko for the local cluster,
 * BuildKit's reader of Dockerfiles for a test.
 *
 * Each module in `test/cluster/go` pins its versions; what is compiled is kept by what went in.
 */
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, logFile } from './cache.ts';
import { run } from './run.ts';

/** The Kubernetes that is compiled; `test/cluster/go/kubernetes/go.mod` requires the same. */
export const KUBERNETES_VERSION = 'v1.36.4';

const MODULES = join(import.meta.dirname, '..', '..', 'test', 'cluster', 'go');

/** The names under which the one Kubernetes binary is each of its programs. */
export const KUBERNETES_PROGRAMS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'kubectl',
];

const FLAGS = ['-trimpath', '-buildvcs=false', '-mod=readonly'];

/** With its garbage collector off the compiler takes a third less time; 6 GiB keep it from swapping. */
const COMPILER = { CGO_ENABLED: '0', GOGC: 'off', GOMEMLIMIT: '6GiB', GOFLAGS: '', GOWORK: 'off' };

async function inputsOf(module: string, ...others: string[]): Promise<(string | Uint8Array)[]> {
  const files = ['go.mod', 'go.sum', ...others].map((name) => readFile(join(MODULES, module, name)));
  return [...(await Promise.all(files)), ...FLAGS, JSON.stringify(COMPILER)];
}

async function compile(
  module: string,
  program: string,
  output: string,
  flags: readonly string[],
): Promise<void> {
  await run('go', ['build', ...FLAGS, ...flags, '-o', output, program], {
    cwd: join(MODULES, module),
    env: COMPILER,
    log: logFile(`go-${module}`),
  });
}

function linkerFlags(): string {
  const [major, minor] = KUBERNETES_VERSION.slice(1).split('.');
  const version = { gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor };
  const stamps = Object.entries(version).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return `-s -w ${stamps.join(' ')}`;
}

/** A folder that holds `kubernetes` and a link to it for each of its programs, `kubectl` among them. */
export async function kubernetes(): Promise<string> {
  const ldflags = linkerFlags();
  return await cached(
    'kubernetes',
    [...(await inputsOf('kubernetes', 'main.go')), ldflags],
    async (folder) => {
      await compile('kubernetes', '.', join(folder, 'kubernetes'), ['-ldflags', ldflags]);
      await Promise.all(KUBERNETES_PROGRAMS.map((name) => symlink('kubernetes', join(folder, name))));
    },
    { title: `Compiling Kubernetes ${KUBERNETES_VERSION}`, usually: '8 to 16 min on two cores' },
  );
}

/** The path of etcd, in the version the Kubernetes module pins. */
export async function etcd(): Promise<string> {
  const folder = await cached(
    'etcd',
    await inputsOf('kubernetes'),
    (folder) =>
      compile('kubernetes', 'go.etcd.io/etcd/server/v3', join(folder, 'etcd'), ['-ldflags', '-s -w']),
    { title: 'Compiling etcd', usually: '20 s after Kubernetes' },
  );
  return join(folder, 'etcd');
}

/** The paths of BuildKit's daemon and client. */
export async function buildkit(): Promise<{ buildkitd: string; buildctl: string }> {
  const tags = 'osusergo netgo static_build seccomp';
  const folder = await cached(
    'buildkit',
    [...(await inputsOf('buildkit')), tags],
    async (folder) => {
      const from = 'github.com/moby/buildkit/cmd';
      const flags = ['-ldflags', '-s -w'];
      await compile('buildkit', `${from}/buildctl`, join(folder, 'buildctl'), flags);
      await compile('buildkit', `${from}/buildkitd`, join(folder, 'buildkitd'), [...flags, '-tags', tags]);
    },
    { title: 'Compiling BuildKit', usually: '2 to 4 min on two cores' },
  );
  return { buildkitd: join(folder, 'buildkitd'), buildctl: join(folder, 'buildctl') };
}

/** The path of Kaniko's executor. */
export async function kaniko(): Promise<string> {
  const ldflags = '-s -w';
  const folder = await cached(
    'kaniko',
    [...(await inputsOf('kaniko')), ldflags],
    (folder) =>
      compile('kaniko', 'github.com/chainguard-dev/kaniko/cmd/executor', join(folder, 'executor'), [
        '-ldflags',
        ldflags,
      ]),
    { title: 'Compiling Kaniko', usually: '2 to 4 min on two cores' },
  );
  return join(folder, 'executor');
}

/** The path of a program that reads Dockerfiles as BuildKit does; its `main.go` says what it is asked and answers. */
export async function dockerfileReader(): Promise<string> {
  const folder = await cached(
    'dockerfile',
    await inputsOf('dockerfile', 'main.go'),
    (folder) => compile('dockerfile', '.', join(folder, 'dockerfile'), ['-ldflags', '-s -w']),
    { title: "Compiling BuildKit's reader of Dockerfiles", usually: '20 s' },
  );
  return join(folder, 'dockerfile');
}
