/**
 * What profile Flytekit does not take: what flytekit has no word for, or another meaning.
 *
 * Its tag decides whether an image exists. A field of which the tag does not know would change the image and not its
 * name, so that the change would never be built.
 */

type FlytekitSpec = {
  profile?: string;
  sourceRoot?: unknown;
  sourceCopyMode?: unknown;
  pipExtraArgs?: readonly string[] | undefined;
  workdir?: unknown;
  labels?: object | undefined;
};

const isOther = ({ profile }: FlytekitSpec) => profile !== 'Flytekit';

/** What spans the profile and another field. */
export const flytekitRules = [
  {
    rule: "self.profile != 'Flytekit' || has(self.sourceRoot) == has(self.sourceCopyMode)",
    message:
      'write sourceRoot and sourceCopyMode together under profile Flytekit: flytekit copies nothing without a root, and with a root alone what Python has loaded',
    path: 'sourceRoot',
    holds: (spec: FlytekitSpec) =>
      isOther(spec) || (spec.sourceRoot === undefined) === (spec.sourceCopyMode === undefined),
  },
  {
    rule: "self.profile != 'Flytekit' || !has(self.pipExtraArgs) || self.pipExtraArgs.all(a, !a.matches('[ \\\\t]'))",
    message:
      'write arguments without spaces under profile Flytekit: flytekit has one text for all of them, which is split at spaces',
    path: 'pipExtraArgs',
    holds: (spec: FlytekitSpec) =>
      isOther(spec) || (spec.pipExtraArgs ?? []).every((argument) => !/[ \t]/.test(argument)),
  },
  {
    rule: "self.profile != 'Flytekit' || !has(self.workdir)",
    message: 'take workdir out: under profile Flytekit it is /root',
    path: 'workdir',
    holds: (spec: FlytekitSpec) => isOther(spec) || spec.workdir === undefined,
  },
  {
    rule: "self.profile != 'Flytekit' || !has(self.labels) || size(self.labels) == 0",
    message: "take labels out under profile Flytekit: flytekit's tag does not change with them",
    path: 'labels',
    holds: (spec: FlytekitSpec) => isOther(spec) || Object.keys(spec.labels ?? {}).length === 0,
  },
] as const;
