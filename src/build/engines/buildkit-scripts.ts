/** The shell around BuildKit's client, in both its modes. No text of a user stands in it. */
import { PATHS } from '../engine.ts';

/**
 * The client's arguments come from a file, separated by NUL: no text of a user ever meets the shell.
 * The end of the log goes where the kubelet looks for it: the lines of the step that failed, in the form of
 * BuildKit's own summary, which itself loses the beginning of lines that were written in parts.
 */
const script = (begin: string) => `set -eu
work=${PATHS.work}
client() { xargs -0 -x -n 2000 -s 1000000 buildctl <"$work/$1"; }
touch "$work/times/build.begin"
${begin}
{ client buildctl.args && echo 0 >"$work/exit" || echo 1 >"$work/exit"; } 2>&1 | tee "$work/build.log"
touch "$work/times/build.end"
if [ "$(cat "$work/exit")" != 0 ]; then
  failed=$(sed -n 's/^#\\([0-9]*\\) ERROR: process .*/\\1/p' "$work/build.log" | tail -n 1)
  if [ -n "$failed" ]; then
    {
      echo ' > [failed]:'
      sed -n "s/^#$failed \\([0-9][0-9]*[.][0-9]* \\)/\\1/p" "$work/build.log" | tail -n 40 | tail -c 3000
      echo ------
      grep '^error: ' "$work/build.log" | tail -n 1 | head -c 900
    } >/dev/termination-log
  else
    summary=$(sed -n '/^------$/,$p' "$work/build.log")
    printf '%s\\n' "\${summary:-$(tail -n 20 "$work/build.log")}" | tail -c 4000 >/dev/termination-log
  fi
  exit 1
fi
`;

export const SOCKET = 'unix:///tmp/buildkitd.sock';

/** Starts the daemon of this build. */
const START = `rootlesskit buildkitd --addr ${SOCKET} --oci-worker-no-process-sandbox --config "$work/buildkitd.toml" >/tmp/buildkitd.log 2>&1 &
tries=0
until client probe.args >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then
    echo "imagespec: Interrupted: the BuildKit daemon did not start" | tee /dev/termination-log
    tail -n 20 /tmp/buildkitd.log | tee -a /dev/termination-log
    exit 1
  fi
  sleep 0.1
done`;

/**
 * Waits for the daemon that runs elsewhere: a minute, in which one that is replaced is back. A certificate that one
 * of the two does not take is not waited for. Why the daemon does not take ours often comes after the line is cut,
 * so a line that is cut again and again says the same.
 */
const WAIT = `end=$(($(date +%s) + 60))
refusals=0
until client probe.args >/dev/null 2>"$work/probe.log"; do
  words=$(tail -n 1 "$work/probe.log" | sed 's/^error: failed to list workers: //')
  case "$words" in
    *x509:* | *tls:*) refusals=5 ;;
    *'broken pipe'* | *'connection reset'* | *'server preface'*) refusals=$((refusals + 1)) ;;
    *) refusals=0 ;;
  esac
  verdict=
  if [ "$refusals" -ge 5 ]; then verdict=refused; elif [ "$(date +%s)" -gt "$end" ]; then verdict=silent; fi
  if [ -n "$verdict" ]; then
    printf '%s (%s)\\n' "$(cat "$work/$verdict.txt")" "$words" | tee /dev/termination-log
    exit 1
  fi
  sleep 1
done`;

/** The daemon of this build, then the client. */
export const JOB_SCRIPT = script(START);

/** The client alone. */
export const DAEMON_SCRIPT = script(WAIT);
