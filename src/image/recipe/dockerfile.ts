/**
 * A Dockerfile in the making, in either dialect: lines, build arguments, and steps that run a script of ours.
 *
 * A step's files never stay in the image. BuildKit mounts them, one folder a step, so that a change elsewhere keeps
 * a step's layer. In the plain dialect the engine shows all of them to all steps, and a script of ours puts them where
 * BuildKit would: Kaniko leaves mounted folders out of its layers, buildah has --volume, and a COPY would leave the
 * files in a layer below the one that removes them.
 */
import { sha256 } from '../hash.ts';
import { CA_SECRET, FOLDERS, type Options, PLAIN, secretMountId } from './contract.ts';

/** Where steps find what they read. */
const HERE = '/run/imagespec';
const UV = '/run/imagespec-uv';
const CA = '/run/imagespec-ca.crt';

/** Runs the step $1 where there are no mounts: everything in its place, and nothing of it left. */
const PLAIN_SCRIPT = `mkdir -p /run /var/cache ${PLAIN.cache}/apt ${PLAIN.cache}/uv ${PLAIN.cache}/conda
ln -s ${PLAIN.context} ${HERE}
ln -s ${PLAIN.uv} ${UV}
ln -s ${PLAIN.ca} ${CA}
for cache in apt uv conda; do ln -s ${PLAIN.cache}/$cache /var/cache/imagespec-$cache; done
sh -e ${HERE}/$1/run.sh || { code=$?; echo "imagespec-step: $1"; exit $code; }
rm -f ${HERE} ${UV} ${CA} /var/cache/imagespec-apt /var/cache/imagespec-uv /var/cache/imagespec-conda
`;
const PLAIN_FILE = 'plain/run.sh';

export interface Step {
  /** Its folder, by which failures are told apart; it has no other name. */
  readonly folder: string;
  readonly script: string;
  /** What the script reads beside itself. */
  readonly files: Readonly<Record<string, string>>;
  /** Digest of the requirements that it reads too; they come from the source. */
  readonly requirements?: string;
  /** What else its result depends on, where the engine may not see that. */
  readonly depends?: string;
  /** Runs uv, from the stage imagespec-uv. */
  readonly uv?: boolean;
  /** Folders that BuildKit keeps from build to build, by name; `sharing` where two must not use one at a time. */
  readonly caches?: readonly { readonly name: string; readonly sharing?: 'locked' }[];
  /** Sees the user's Secrets. */
  readonly secrets?: boolean;
}

/** A cache's folder inside a step. */
const cacheFolder = (name: string) => `/var/cache/imagespec-${name}`;

export interface Dockerfile {
  readonly lines: string[];
  readonly files: Record<string, string>;
  readonly args: Record<string, string>;
  /** Declares a build argument with this value and gives its name. */
  argument(value: string): string;
  step(step: Step): void;
}

/** An empty Dockerfile of a dialect. */
export function dockerfileIn({ dialect, secretPaths }: Options): Dockerfile {
  const lines: string[] = [];
  const files: Record<string, string> = {};
  const args: Record<string, string> = {};
  const argument = (value: string): string => {
    const name = `IMAGESPEC_${Object.keys(args).length}`;
    args[name] = value;
    lines.push(`ARG ${name}`);
    return name;
  };

  const mounted = (step: Step, all: Record<string, string>, comment: string): void => {
    for (const [name, text] of Object.entries(all)) files[`${step.folder}/${name}`] = text;
    const bind = (folder: string) => `type=bind,source=${folder},target=${HERE}/${folder}`;
    const mounts = [
      bind(step.folder),
      ...(step.requirements === undefined ? [] : [bind(FOLDERS.requirements)]),
      ...(step.uv ? [`type=bind,from=imagespec-uv,source=/uv,target=${UV}`] : []),
      ...(step.caches ?? []).map(
        ({ name, sharing }) =>
          `type=cache,id=imagespec-${name},target=${cacheFolder(name)}${sharing ? `,sharing=${sharing}` : ''}`,
      ),
      ...(step.secrets
        ? secretPaths.map((path, index) => `type=secret,id=${secretMountId(index)},target=${path}`)
        : []),
      `type=secret,id=${CA_SECRET},target=${CA}`,
    ];
    const flags = mounts.map((mount) => `--mount=${mount}`).join(' ');
    lines.push(`RUN ${flags} sh -e ${HERE}/${step.folder}/run.sh ${comment}`);
  };

  const shown = (step: Step, all: Record<string, string>, comment: string): void => {
    for (const [name, text] of Object.entries(all)) files[`${step.folder}/${name}`] = text;
    files[PLAIN_FILE] = PLAIN_SCRIPT;
    lines.push(`RUN sh -e ${PLAIN.context}/${PLAIN_FILE} ${step.folder} ${comment}`);
  };

  const step = (one: Step): void => {
    const all: Record<string, string> = { 'run.sh': one.script, ...one.files };
    const plain = dialect === 'Plain' ? `${PLAIN_SCRIPT}\0${one.depends ?? ''}\0` : '';
    const digest = sha256(
      Object.keys(all)
        .sort()
        .map((name) => `${name}\0${all[name]}\0`)
        .join('') +
        (one.requirements ?? '') +
        plain,
    );
    (dialect === 'BuildKit' ? mounted : shown)(one, all, `# sha256:${digest}`);
  };
  return { lines, files, args, argument, step };
}

export const asLines = (list: readonly string[]) => list.map((line) => `${line}\n`).join('');

/** JSON in pure ASCII, so that no character can be taken for the end of a line. */
export function jsonArray(list: readonly string[]): string {
  return JSON.stringify(list).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
