/**
 * What the end of an engine's log means.
 *
 * The log is text from tools we do not write and commands a tenant wrote, so a wrong guess must be
 * harmless: it only chooses the word in the status and whether another attempt is made. The tool's own
 * last lines always reach the user beside it.
 */
import type { FailureReason } from '../api/reasons.ts';
import { FAILURE_REASONS } from '../api/reasons.ts';
import type { Explained } from './engine.ts';

/** A sentence of ours in the log: `imagespec: PythonNotFound: the base image has no Python 3.13`. */
const MARKER = /imagespec: ([A-Za-z]+): (.+)/;
/** BuildKit's time stamps before each line of a step. */
const STAMP = /^(?:#\d+ )?\d+\.\d{1,3} /;

interface Rule {
  readonly reason: FailureReason;
  readonly pattern: RegExp;
  /** `$1` is what the pattern found. */
  readonly headline: string;
}

const ANYWHERE: readonly Rule[] = [
  {
    reason: 'OutOfDisk',
    pattern: /no space left on device|disk quota exceeded/i,
    headline: 'no space left on the disk of the build',
  },
  {
    reason: 'OutOfMemory',
    pattern: /exit code: 137|signal: killed|cannot allocate memory|^Killed$/im,
    headline: 'the build was killed for want of memory',
  },
];

/** A sentence of uv, which breaks lines at 80 characters; a time stamp and its frame may stand before each. */
function wrapped(words: string): RegExp {
  return new RegExp(words.replaceAll(' ', '\\s+(?:#\\d+ )?(?:\\d+\\.\\d{1,3}\\s+)?(?:│\\s*)*'));
}

const PYTHON: readonly Rule[] = [
  {
    reason: 'BuildFailed',
    pattern: /Git executable not found/,
    headline: 'a git+ package needs git in the image: add git to spec.aptPackages',
  },
  {
    reason: 'PackageNotFound',
    pattern: wrapped('Because ([A-Za-z0-9][A-Za-z0-9._-]*) was not found in the package (?:registry|index)'),
    headline: '$1: no such package',
  },
  {
    reason: 'PackageNotFound',
    pattern: wrapped('there (?:is|are) no versions? of ([A-Za-z0-9][A-Za-z0-9._-]*(?:\\[[^\\]]*\\])?\\S*)'),
    headline: '$1: no such version',
  },
  {
    reason: 'IndexUnreachable',
    pattern:
      /(error sending request|Failed to fetch|Failed to download|dns error|connection refused|timed out|\b50[0234]\b[^\n]*(?:Server|Gateway|Service))/i,
    headline: 'the package index could not be reached ($1)',
  },
  {
    reason: 'PackageNotFound',
    pattern: /(?:No solution found|Failed to resolve|HTTP status client error \(404[^\n]*)/,
    headline: 'no set of versions fits all packages',
  },
  {
    reason: 'BuildFailed',
    pattern: /Failed to build `?([^`\n]+)`?/,
    headline: 'the package $1 could not be built',
  },
];

const APT: readonly Rule[] = [
  {
    reason: 'PackageNotFound',
    pattern: /Unable to locate package (\S+)/,
    headline: '$1: no such Debian package',
  },
  {
    reason: 'PackageNotFound',
    pattern: /Package '?([^\s']+)'? has no installation candidate/,
    headline: '$1: no such Debian package',
  },
  {
    reason: 'PackageNotFound',
    pattern: /Version '[^']*' for '([^']+)' was not found/,
    headline: '$1: no such version of this Debian package',
  },
  {
    reason: 'PackageNotFound',
    pattern: /Couldn't find any package by (?:glob|regex) '([^']+)'/,
    headline: '$1: no such Debian package',
  },
  {
    reason: 'IndexUnreachable',
    pattern:
      /(Could not resolve|Unable to connect|Failed to fetch|Connection (?:refused|timed out|failed)|Temporary failure)/,
    headline: 'the Debian mirror could not be reached ($1)',
  },
];

const REGISTRY: readonly Rule[] = [
  {
    reason: 'TagImmutable',
    pattern: /TAG_INVALID|immutable|tag [^\n]* already exists/i,
    headline: 'the registry does not let the tag be overwritten',
  },
  {
    reason: 'RegistryDenied',
    pattern:
      /((?:push access denied|insufficient_scope|unauthorized|: denied\b|401 Unauthorized|403 Forbidden)[^\n]{0,200})/i,
    headline: 'the registry refused the push ($1)',
  },
  {
    reason: 'BaseImageNotFound',
    pattern: /failed to resolve source metadata for ([^\s:]+(?::\S+?)?): [^\n]*not found/,
    headline: '$1: no such image',
  },
  {
    reason: 'RegistryUnreachable',
    pattern:
      /(dial tcp[^\n]{0,120}|connection (?:refused|reset)|i\/o timeout|TLS handshake timeout|unexpected status[^\n]{0,60} 5\d\d[^\n]{0,40})/i,
    headline: 'a registry could not be reached ($1)',
  },
];

/** The word and the line for a log's end; never throws, whatever the log holds. */
export function explainLog(log: string): Explained {
  const marker = MARKER.exec(log);
  if (marker && (FAILURE_REASONS as string[]).includes(marker[1] as string)) {
    return { reason: marker[1] as FailureReason, headline: (marker[2] as string).slice(0, 500) };
  }
  const step = failedStep(log);
  const rules = step === 'python' ? PYTHON : step === 'apt' ? APT : step === undefined ? REGISTRY : [];
  for (const rule of [...ANYWHERE, ...rules]) {
    const found = rule.pattern.exec(log);
    if (!found) continue;
    const subject = found[1];
    return {
      reason: rule.reason,
      headline: rule.headline.replace('$1', () => subject ?? ''),
      ...(subject === undefined ? {} : { subject }),
    };
  }
  if (step === 'commands') return { reason: 'CommandFailed', headline: `a command failed: ${lastLine(log)}` };
  return { reason: 'BuildFailed', headline: `the build failed: ${lastLine(log)}` };
}

/** The lines a reader wants: the failed step's own output, without BuildKit's frame and time stamps. */
export function lastLines(log: string): string {
  const lines = log.split('\n').map((line) => line.replace(/\r$/, ''));
  // Each failed vertex has a section ` > name:` … `------`; a cold cache has one too, and comes first.
  const start = lines.findLastIndex((line) => /^ > \[/.test(line));
  const rest = lines.slice(start + 1);
  const end = rest.indexOf('------');
  const section = start < 0 ? [] : rest.slice(0, end < 0 ? undefined : end);
  const own = section.some((line) => line.trim() !== '')
    ? section
    : lines.filter((line) => line.startsWith('error: '));
  const shown = own.length > 0 ? own : lines.filter((line) => line !== '------');
  const text = shown
    .map((line) => line.replace(STAMP, ''))
    .join('\n')
    .trimEnd();
  return text.replace(/^\n+/, '').slice(-3500);
}

/** Which folder's run.sh the failing process was; the recipe's steps are told apart by it. */
function failedStep(log: string): 'apt' | 'python' | 'commands' | undefined {
  const found =
    /process "[^\n]*\/run\/imagespec\/(apt|python|commands)\/run\.sh[^\n]* did not complete successfully/.exec(
      log,
    );
  return found?.[1] as 'apt' | 'python' | 'commands' | undefined;
}

function lastLine(log: string): string {
  const lines = lastLines(log)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? 'it said nothing').trim().slice(0, 300);
}
