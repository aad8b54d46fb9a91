/**
 * The programs of the single node and how each is called.
 */
import { inFolder, NODE, NODE_ADDRESS, POD_NETWORK, program, SERVICE_NETWORK } from './place.ts';

const ETCD = 'http://127.0.0.1:2379';

/** Where the node looks for volume plugins, of which it has none. */
export const VOLUME_PLUGINS = '/var/lib/kubelet/volume-plugins';

/** Holders of a certificate that also need a kubeconfig. */
export const CLIENTS = ['controller-manager', 'scheduler', 'kubelet', 'proxy'];

const pki = (name: string) => inFolder('pki', name);

/** The kubeconfig of one of `CLIENTS`. */
export function kubeconfigOf(client: string): string {
  return inFolder('kubeconfigs', client);
}

/** As the controller manager and the scheduler ask for it: one file for three purposes, no election. */
function component(client: string): string[] {
  const file = kubeconfigOf(client);
  return [
    `--kubeconfig=${file}`,
    `--authentication-kubeconfig=${file}`,
    `--authorization-kubeconfig=${file}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
  ];
}

/** What everything else stands on; started first. */
export const FOUNDATION: Record<string, string[]> = {
  containerd: ['containerd', '--config', inFolder('containerd.toml')],
  registry: ['docker-registry', 'serve', inFolder('registry.yaml')],
  etcd: [
    program('etcd'),
    '--data-dir=/var/lib/etcd',
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--unsafe-no-fsync', // the cluster need not survive a power cut
  ],
};

/** The API server, which waits for etcd by itself. */
export const API_SERVER_PROGRAM: Record<string, string[]> = {
  'kube-apiserver': [
    program('kube-apiserver'),
    `--bind-address=${NODE_ADDRESS}`,
    `--advertise-address=${NODE_ADDRESS}`,
    '--secure-port=6443',
    `--etcd-servers=${ETCD}`,
    `--service-cluster-ip-range=${SERVICE_NETWORK}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--tls-cert-file=${pki('apiserver.crt')}`,
    `--tls-private-key-file=${pki('apiserver.key')}`,
    `--client-ca-file=${pki('ca.crt')}`,
    `--kubelet-client-certificate=${pki('kubelet-client.crt')}`,
    `--kubelet-client-key=${pki('kubelet-client.key')}`,
    `--kubelet-certificate-authority=${pki('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${pki('sa.key')}`,
    `--service-account-key-file=${pki('sa.key')}`,
    '--endpoint-reconciler-type=lease',
  ],
};

/** What needs an API server that answers. */
export const NODE_AND_CONTROLLERS: Record<string, string[]> = {
  kubelet: [
    program('kubelet'),
    `--config=${inFolder('kubelet.yaml')}`,
    `--kubeconfig=${kubeconfigOf('kubelet')}`,
    `--hostname-override=${NODE}`,
    `--node-ip=${NODE_ADDRESS}`,
    '--v=2',
  ],
  'kube-controller-manager': [
    program('kube-controller-manager'),
    ...component('controller-manager'),
    `--flex-volume-plugin-dir=${VOLUME_PLUGINS}`,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${pki('sa.key')}`,
    `--root-ca-file=${pki('ca.crt')}`,
    `--cluster-signing-cert-file=${pki('ca.crt')}`,
    `--cluster-signing-key-file=${pki('ca.key')}`,
  ],
  'kube-scheduler': [program('kube-scheduler'), ...component('scheduler')],
  'kube-proxy': [
    program('kube-proxy'),
    `--kubeconfig=${kubeconfigOf('proxy')}`,
    `--hostname-override=${NODE}`,
    '--proxy-mode=iptables',
    `--cluster-cidr=${POD_NETWORK}`,
    '--conntrack-max-per-core=0', // the host's connection tracking is not ours to change
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
    '--nodeport-addresses=primary',
    '--healthz-bind-address=127.0.0.1:10256',
    '--metrics-bind-address=127.0.0.1:10249',
  ],
};
