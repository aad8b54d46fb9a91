/**
 * Certificates of a throw-away control plane, and the kubeconfigs that use them. Needs `openssl`.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

const VALIDITY = ['-days', '3650'];

/** Who holds a certificate: `user` and `group` are what Kubernetes sees, `names` what a server answers to. */
interface Holder {
  readonly user: string;
  readonly group?: string;
  readonly names?: string;
}

/** The holders of a control plane and its one node, by the name of their files. */
function holders(address: string, node: string): Record<string, Holder> {
  const service = 'DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:10.96.0.1';
  return {
    apiserver: { user: 'kube-apiserver', names: `${service},DNS:localhost,IP:127.0.0.1,IP:${address}` },
    'kubelet-client': { user: 'kube-apiserver-kubelet-client', group: 'system:masters' },
    'kubelet-server': { user: node, names: `DNS:${node},IP:${address},IP:127.0.0.1` },
    admin: { user: 'admin', group: 'system:masters' },
    'controller-manager': { user: 'system:kube-controller-manager' },
    scheduler: { user: 'system:kube-scheduler' },
    kubelet: { user: `system:node:${node}`, group: 'system:nodes' },
    proxy: { user: 'system:kube-proxy' },
  };
}

async function sign(folder: string, name: string, { user, group, names }: Holder): Promise<void> {
  const extensions = ['keyUsage=digitalSignature,keyEncipherment', 'extendedKeyUsage=serverAuth,clientAuth'];
  if (names) extensions.push(`subjectAltName=${names}`);
  await run(
    'openssl',
    [
      ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', ...VALIDITY],
      ...['-CA', 'ca.crt', '-CAkey', 'ca.key', '-keyout', `${name}.key`, '-out', `${name}.crt`],
      ...['-subj', `${group ? `/O=${group}` : ''}/CN=${user}`],
      ...['basicConstraints=critical,CA:FALSE', ...extensions].flatMap((line) => ['-addext', line]),
    ],
    { cwd: folder },
  );
}

/**
 * Fills `folder` with a CA (`ca.crt`), the key of service account tokens (`sa.key`) and a `.crt` and `.key`
 * for `apiserver`, `kubelet-client`, `kubelet-server`, `admin`, `controller-manager`, `scheduler`,
 * `kubelet` and `proxy`. The API server answers at `address`; the node, if there is one, is called `node`.
 */
export async function certificates(folder: string, address: string, node: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const ca = ['req', '-x509', '-nodes', ...ec, ...VALIDITY, '-subj', '/CN=imagespec-local-cluster'];
  await run('openssl', [...ca, '-keyout', 'ca.key', '-out', 'ca.crt'], { cwd: folder });
  await run('openssl', ['genrsa', '-out', 'sa.key', '2048'], { cwd: folder });
  await Promise.all(
    Object.entries(holders(address, node)).map(([name, holder]) => sign(folder, name, holder)),
  );
}

/** Writes a kubeconfig for `holder`, one of the names above, that needs no other file. */
export async function writeKubeconfig(
  file: string,
  certificatesFolder: string,
  holder: string,
  server: string,
): Promise<void> {
  const encoded = async (name: string) => (await readFile(join(certificatesFolder, name))).toString('base64');
  const cluster = { server, 'certificate-authority-data': await encoded('ca.crt') };
  const user = {
    'client-certificate-data': await encoded(`${holder}.crt`),
    'client-key-data': await encoded(`${holder}.key`),
  };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'imagespec', cluster }],
    users: [{ name: holder, user }],
    contexts: [{ name: 'imagespec', context: { cluster: 'imagespec', user: holder } }],
    'current-context': 'imagespec',
  };
  await writeFile(file, `${JSON.stringify(kubeconfig, null, 2)}\n`, { mode: 0o600 });
}
