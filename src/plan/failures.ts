/**
 * Which failure of an earlier attempt counts now, how often it has happened, and whether the status tells it yet.
 */
import { type FailureReason, RETRY } from '../api/reasons.ts';
import type { LastFailure, Status } from '../api/status.ts';
import type { Failure } from '../build/outcome.ts';
import { pep503 } from '../image/requirement.ts';
import type { Failed } from './decision.ts';
import type { JobFact, Wanted } from './facts.ts';

/** Kubernetes writes times in whole seconds, and several clocks take part. */
const CLOCK_SLACK_MS = 5000;

/** A failure that speaks against another attempt. */
export interface Heeded {
  readonly reason: FailureReason;
  readonly headline: string;
  readonly count: number;
  /** When it failed, in milliseconds. */
  readonly at: number;
  /** Set when the status does not know this failure yet. */
  readonly failed?: Failed;
}

/** The failure that speaks against another attempt: of this content, with this access. */
export function failureToHeed(
  status: Status | undefined,
  wanted: Wanted,
  last: JobFact | undefined,
): Heeded | undefined {
  const known = status?.lastFailure;
  const same =
    known?.specHash === wanted.target.specHash && known.access === wanted.access ? known : undefined;
  const failure = last && !isTold(last, same, status) ? failureOf(last, wanted, status) : undefined;
  if (last && failure) {
    const failures = wanted.jobs.filter(
      (job) => job.access === wanted.access && failureOf(job, wanted, status),
    );
    const count = Math.max(failures.length, (same?.count ?? 0) + 1);
    const headline = point(wanted, failure, failure.headline);
    const { specHash } = wanted.target;
    const failed = { job: last, failure, headline, count, specHash };
    return { reason: failure.reason, headline, count, at: last.ended ?? last.created, failed };
  }
  if (!same || !isFailureReason(same.reason)) return undefined;
  const headline = same.message.split('\n')[0] ?? '';
  return { reason: same.reason, headline, count: same.count, at: Date.parse(same.time) };
}

const isFailureReason = (text: string): text is FailureReason => text in RETRY;

/**
 * Does the status already tell of this Job's failure? Then the status counts: pods go before their Jobs do,
 * and a Job without its pod no longer knows why it failed.
 */
function isTold(job: JobFact, failure: LastFailure | undefined, status: Status | undefined): boolean {
  if (!failure) return false;
  if (status?.build?.jobName === job.name && status.build.completionTime !== undefined) return true;
  return job.ended !== undefined && job.ended <= Date.parse(failure.time) + CLOCK_SLACK_MS;
}

/** What went wrong with a Job that ended; one that pushed and yet never made an image failed too. */
function failureOf(job: JobFact, wanted: Wanted, status: Status | undefined): Failure | undefined {
  if (job.ended === undefined || job.deleting) return undefined;
  if (job.progress.state === 'failed') return job.progress.failure;
  if (job.progress.state !== 'succeeded') {
    const headline = 'the build pod disappeared before it ended';
    return { step: 'build', reason: 'Interrupted', headline, message: headline };
  }
  const ready = status?.latestReady;
  // It was there, and somebody took it away since.
  if (ready?.specHash === wanted.target.specHash && Date.parse(ready.time) + CLOCK_SLACK_MS >= job.ended)
    return undefined;
  const headline = 'the image was pushed, but the registry does not have it';
  return { step: 'verify', reason: 'RegistryUnreachable', headline, message: headline };
}

/** Adds which entry of the spec a failure is about. */
function point(wanted: Wanted, failure: Failure, headline: string): string {
  const { subject } = failure;
  if (subject === undefined || failure.reason !== 'PackageNotFound') return headline;
  const { packages = [], aptPackages = [] } = wanted.target.spec;
  const nameIn = (text: string) => pep503(/^[A-Za-z0-9._-]*/.exec(text)?.[0] ?? '');
  const python = packages.findIndex((text) => nameIn(text) === nameIn(subject));
  if (python >= 0) return `${headline}; check spec.packages[${python}]`;
  const apt = aptPackages.findIndex((text) => text === subject || text.split(/[:=]/)[0] === subject);
  return apt >= 0 ? `${headline}; check spec.aptPackages[${apt}]` : headline;
}
