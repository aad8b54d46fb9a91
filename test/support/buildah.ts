/** The engine Custom with buildah, as the pod template that docs/builders.md shows. */

/** buildah as root of a user namespace it makes itself; nothing of it is root outside its container. */
export const buildah = (name: string, image: string, dialect: 'BuildKit' | 'Plain') => ({
  ...{ name, engine: 'Custom', priority: 1, dialect },
  template: {
    container: {
      image,
      command: ['sh', '-euc', dialect === 'Plain' ? `${MOUNTED}\n${SCRIPT}` : `export VOLUMES=\n${SCRIPT}`],
      securityContext: {
        runAsUser: 0,
        allowPrivilegeEscalation: false,
        capabilities: {
          drop: ['ALL'],
          add: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP', 'SETGID', 'SETUID', 'SYS_CHROOT'],
        },
        seccompProfile: { type: 'Unconfined' },
        appArmorProfile: { type: 'Unconfined' },
      },
      volumeMounts: [{ name: 'storage', mountPath: '/var/lib/containers' }],
    },
    volumes: [{ name: 'storage', emptyDir: {} }],
  },
});
const SCRIPT = `xargs -0 -x -n 5000 -s 1000000 -a /workspace/build.args sh -c 'exec buildah --storage-driver vfs build --isolation chroot --format oci --identity-label=false --platform "$IMAGESPEC_PLATFORM" --tag "$IMAGESPEC_DESTINATION" $VOLUMES "$@" /workspace/context' sh
buildah --storage-driver vfs push --compression-format zstd --digestfile /workspace/result "$IMAGESPEC_DESTINATION"`;
/** Plain steps must see what the pod has mounted. */
const MOUNTED = `export VOLUMES='--volume /imagespec/work:/imagespec/work'
[ ! -e /root/.netrc ] || VOLUMES="$VOLUMES --volume /root/.netrc:/root/.netrc"`;
