/**
 * The settings files of the node's programs. `cluster.md` in the design says why each one is needed:
 * they are what lets the node run inside namespaces, on a host without CAP_SYS_RESOURCE and on cgroup v1.
 * What would lie in /run, /var/log or /var/lib stays there: those are the node's own, see `inside.ts`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VOLUME_PLUGINS } from './daemons.ts';
import { CGROUP, inFolder, NODE_ADDRESS, PAUSE_IMAGE, POD_NETWORK, REGISTRY } from './place.ts';

const containerd = `version = 2
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${inFolder('cni')}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${inFolder('certs.d')}"
`;

const plainHttp = `server = "http://${REGISTRY}"
[host."http://${REGISTRY}"]
  capabilities = ["pull", "resolve"]
`;

const bridge = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      isDefaultGateway: true,
      ipMasq: true,
      hairpinMode: true,
      ipam: { type: 'host-local', dataDir: '/var/lib/cni/networks', ranges: [[{ subnet: POD_NETWORK }]] },
    },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  ],
};

/**
 * There is no cluster DNS: pods ask the servers of the host. Naming them here, without a domain, spares
 * every pod a warning that there is none.
 */
const kubelet = (nameServers: readonly string[]) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  failCgroupV1: false,
  failSwapOn: false,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${CGROUP}`,
  containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: inFolder('pki', 'ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  tlsCertFile: inFolder('pki', 'kubelet-server.crt'),
  tlsPrivateKeyFile: inFolder('pki', 'kubelet-server.key'),
  address: NODE_ADDRESS,
  healthzBindAddress: '127.0.0.1',
  resolvConf: inFolder('resolv.conf'),
  oomScoreAdj: 0,
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
  imagePullCredentialsVerificationPolicy: 'NeverVerify',
  volumePluginDir: VOLUME_PLUGINS,
  clusterDNS: nameServers,
});

const registry = {
  version: '0.1',
  storage: { filesystem: { rootdirectory: '/var/lib/registry' }, delete: { enabled: true } },
  http: { addr: REGISTRY },
};

/** The host's name servers, without those that only the host itself can reach. */
async function resolvConf(): Promise<string> {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const reachable = text.split('\n').filter((line) => !/^\s*nameserver\s+(127\.|::1)/.test(line));
    if (reachable.some((line) => /^\s*nameserver\s/.test(line))) return reachable.join('\n');
  }
  return '';
}

function nameServersOf(resolvConf: string): string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address);
}

/** Writes the settings of containerd, its network, the kubelet and the registry into the node's folder. */
export async function writeConfiguration(): Promise<void> {
  const names = await resolvConf();
  const files = {
    'containerd.toml': containerd,
    [`certs.d/${REGISTRY}/hosts.toml`]: plainHttp,
    'cni/10-bridge.conflist': JSON.stringify(bridge, null, 2),
    'kubelet.yaml': JSON.stringify(kubelet(nameServersOf(names)), null, 2), // JSON is YAML
    'registry.yaml': JSON.stringify(registry, null, 2),
    'resolv.conf': names,
  };
  for (const [name, text] of Object.entries(files)) {
    const file = inFolder(name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}
