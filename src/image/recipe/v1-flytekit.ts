/**
 * The step `flytekit`: the user that flytekit's images run as, and the folders that are its own.
 *
 * It reads owner.txt (uid:gid). Written into /etc/passwd by hand, as not every base image has useradd.
 */
import { ONE_STREAM } from './v1-scripts.ts';

export const FLYTEKIT_SCRIPT = `${ONE_STREAM}owner=$(cat /run/imagespec/flytekit/owner.txt)
uid=\${owner%:*}
gid=\${owner#*:}
found=$(sed -n 's/^flytekit:[^:]*:\\([0-9]*\\):.*/\\1/p' /etc/passwd)
if [ -z "$found" ]; then
  echo "flytekit:x:$uid:$gid::/home/flytekit:/bin/sh" >>/etc/passwd
  grep -q '^flytekit:' /etc/group || echo "flytekit:x:$gid:" >>/etc/group
elif [ "$found" != "$uid" ]; then
  echo "imagespec: BuildFailed: the user flytekit of the base image has the id $found: write it into spec.user"
  exit 64
fi
mkdir -p /root /home/flytekit
chown -R "$owner" /root /home/flytekit
`;
