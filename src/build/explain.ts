/**
 * What the end of an engine's log means.
 *
 * The log is text from tools we do not write and commands a tenant wrote, so a wrong guess must be
 * harmless: it only chooses the word in the status and whether another attempt is made. The tool's own
 * last lines always reach the user beside it.
 */
import { FAILURE_REASONS, type FailureReason } from '../api/reasons.ts';
import type { Explained } from './engine.ts';
import { ANYWHERE, APT, PYTHON, REGISTRY, type Rule } from './explain-rules.ts';

/** A sentence of ours in the log: `imagespec: PythonNotFound: the base image has no Python 3.13`. */
const MARKER = /imagespec: ([A-Za-z]+): (.+)/;
/** BuildKit's time stamps before each line of a step. */
const STAMP = /^(?:#\d+ )?\d+\.\d{1,3} /;
/** What Kaniko says itself, between the words of steps, and how it ends. */
const KANIKO = /^time="[^"]*" level=[a-z]+ msg=/;
const KANIKO_END = /^error (?:building|pushing) image: /;
/** Ours, where a plain Dockerfile's step failed. */
const STEP_END = /^imagespec-step: ([a-z]+)$/m;

/** The word and the line for a log's end; never throws, whatever the log holds. */
export function explainLog(log: string): Explained {
  const marker = MARKER.exec(log);
  if (marker && (FAILURE_REASONS as string[]).includes(marker[1] as string)) {
    return { reason: marker[1] as FailureReason, headline: (marker[2] as string).slice(0, 500) };
  }
  const step = failedStep(log);
  // Kaniko also says what did not matter in the end, such as a cache it may not write.
  const said = isKanikos(log) ? lastLines(log) : log;
  const rules =
    step === 'python' || step === 'conda'
      ? PYTHON
      : step === 'apt'
        ? APT
        : step === undefined
          ? REGISTRY
          : [];
  return (
    firstFit(ANYWHERE, endOf(log)) ??
    firstFit(rules, said) ??
    (step === 'commands'
      ? { reason: 'CommandFailed', headline: commandFailed(log) }
      : { reason: 'BuildFailed', headline: `the build failed: ${lastLine(log)}` })
  );
}

/** The command's last words; one that ended in silence is told by its exit code. */
function commandFailed(log: string): string {
  const line = lastLine(log);
  const code = /^error.*: .*exit (?:code:|status) (\d+)/.exec(line)?.[1];
  return code === undefined
    ? `a command failed: ${line}`
    : `a command ended without a word, with exit code ${code}`;
}

function firstFit(rules: readonly Rule[], text: string): Explained | undefined {
  for (const rule of rules) {
    const found = rule.pattern.exec(text);
    if (!found) continue;
    const subject = found[1];
    const headline = rule.headline.replace('$1', () => subject ?? '');
    return { reason: rule.reason, headline, ...(subject === undefined ? {} : { subject }) };
  }
  return undefined;
}

/** The last words of the failed step and the engine's own sentence. */
function endOf(log: string): string {
  const errors = log.split('\n').filter((line) => line.startsWith('error: ') || KANIKO_END.test(line));
  return [...lastLines(log).split('\n').slice(-5), ...errors].join('\n');
}

/** The lines a reader wants: the failed step's own output, without the engine's frame and time stamps. */
export function lastLines(log: string): string {
  const lines = log.split('\n').map((line) => line.replace(/\r$/, ''));
  const shown = kanikoLines(lines) ?? buildkitLines(lines);
  const text = shown.join('\n').trimEnd();
  return text.replace(/^\n+/, '').slice(-3500);
}

const isKanikos = (log: string) => log.split('\n').some((line) => KANIKO_END.test(line));

/** Undefined where it is not Kaniko's log. */
function kanikoLines(lines: readonly string[]): string[] | undefined {
  const end = lines.findLast((line) => KANIKO_END.test(line));
  if (end === undefined) return undefined;
  const start = lines.findLastIndex((line) => KANIKO.test(line) && line.includes('msg="Running: ['));
  const said = lines
    .slice(start + 1)
    .filter((line) => !KANIKO.test(line) && !KANIKO_END.test(line) && !STEP_END.test(line));
  const ofStep = end.includes('waiting for process to exit') && said.some((line) => line.trim() !== '');
  return ofStep ? said : [end];
}

function buildkitLines(lines: readonly string[]): string[] {
  // Each failed vertex has a section ` > name:` … `------`; a cold cache has one too, and comes first.
  const start = lines.findLastIndex((line) => /^ > \[/.test(line));
  const rest = lines.slice(start + 1);
  const end = rest.indexOf('------');
  const section = start < 0 ? [] : rest.slice(0, end < 0 ? undefined : end);
  const own = section.some((line) => line.trim() !== '')
    ? section
    : lines.filter((line) => line.startsWith('error: '));
  const shown = own.length > 0 ? own : lines.filter((line) => line !== '------');
  return shown.map((line) => line.replace(STAMP, ''));
}

/** The recipe's step that failed: named by its folder in BuildKit's words, by our own where the engine says less. */
function failedStep(log: string): string | undefined {
  const found =
    /process "[^\n]*\/run\/imagespec\/([a-z]+)\/run\.sh[^\n]* did not complete successfully/.exec(log) ??
    /building at STEP "[^\n]*\/run\/imagespec\/([a-z]+)\/run\.sh/.exec(log) ??
    STEP_END.exec(log);
  return found?.[1];
}

function lastLine(log: string): string {
  const lines = lastLines(log)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? 'it said nothing').trim().slice(0, 300);
}
