// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is what is tested
/** Strings that mean something to a shell, a Dockerfile or a tool on the way: refused, or arriving as they were written. */
import { afterAll, beforeAll, expect } from 'vitest';
import { load } from '../../scripts/cluster/cluster.ts';
import { localSettings } from '../../scripts/cluster/operator.ts';
import { buildahImage } from '../../scripts/images/images.ts';
import { ANNOTATIONS } from '../../src/api/names.ts';
import { relativePath } from '../../src/api/spec/text.ts';
import { buildah } from '../support/buildah.ts';
import { type Daemon, daemonSettings, giveIdentity, startDaemon } from '../support/daemon.ts';
import {
  apply,
  cluster,
  conditionsOf,
  createNamespace,
  deleteNamespace,
  jobsIn,
  outputOf,
  RUN,
  reached,
  ready,
  show,
  test,
  withOperator,
} from '../support/e2e.ts';
import { TEXTS } from '../support/hostile.ts';
import { REFUSED } from '../support/hostile-refused.ts';
import { inRegistry } from '../support/in-registry.ts';

/** As one word of a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** What may be the end of a file's name. */
const fileName = (text: string) =>
  relativePath.safeParse(`a${text}`).success && !text.endsWith('/') && text.length < 200;

const PRINT = `import json, os, sys
read = lambda path: open(path, 'rb').read().decode()
def texts(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
print(json.dumps({
    'env': {k.decode(): v.decode() for k, v in os.environb.items()},
    'args': [os.fsencode(arg).decode() for arg in sys.argv[1:]],
    'words': read('/srv/words').split('\\0')[:-1],
    'here': read('/srv/here'),
    'files': {path: read(path) for path in texts('files')},
    'pwned': os.path.exists('/pwned'),
    'user': os.getuid(),
}))`;

/** Each engine has its own ways to be given a value. */
const BUILDERS = ['buildkit', 'daemon', 'kaniko', 'buildah'];

const image = await load(await buildahImage());
const usual = (await localSettings(cluster)).builders as { name: string }[];
const others = [...usual.filter(({ name }) => name === 'kaniko'), buildah('buildah', image, 'BuildKit')];

let daemon: Daemon;

withOperator(
  'hostile text',
  () => {
    let namespace: string;
    beforeAll(async () => {
      namespace = await createNamespace('hostile.e2e');
      await giveIdentity(namespace, daemon.client);
    });
    afterAll(async () => {
      await Promise.all([daemon?.namespace, namespace].filter(Boolean).map(deleteNamespace));
    });

    test.for(BUILDERS)(
      'arrives unchanged in variables, labels, entrypoint, commands and files: %s',
      async (builder) => {
        const here = TEXTS.filter((text) => text.length < 1000).join('\n');
        const files = Object.fromEntries(
          TEXTS.map((text, index) => [`files/${index} ${fileName(text) ? text : ''}`, text]),
        );
        const spec = {
          name: `${RUN}/hostile-${builder}`,
          builder,
          user: '1000',
          source: { files },
          copy: ['files'],
          env: TEXTS.map((value, index) => ({ name: `TEXT_${index}`, value })),
          labels: Object.fromEntries(
            TEXTS.slice(0, 64).map((value, index) => [`text.${index}`, value.slice(0, 4096)]),
          ),
          entrypoint: ['python3', '-c', PRINT, ...TEXTS.filter((text) => text.length <= 4096).slice(0, 61)],
          commands: [
            'cd /srv',
            ...TEXTS.slice(0, 40).map((text) => `printf '%s\\0' ${quoted(text)} >>words`),
            `cat >here <<'END OF FILE'\n${here}\nEND OF FILE`,
          ],
        };
        await apply(namespace, { [builder]: spec });
        const { status } = await ready(namespace, builder, 240);

        const jobs = await jobsIn(namespace);
        const job = jobs.find(({ metadata }) => metadata?.name === status.build?.jobName);
        const context = job?.spec?.template.metadata?.annotations?.[ANNOTATIONS.context] ?? '{}';
        const { dockerfile } = JSON.parse(context) as { dockerfile: string };
        const instructions = dockerfile.split('\n').map((line) => line.split(' ')[0]);
        const count = (wanted: string) => instructions.filter((word) => word === wanted).length;
        expect(['FROM', 'RUN', 'COPY', 'ENTRYPOINT', 'ENV'].map(count)).toEqual([1, 1, 1, 1, 1]);

        const said = JSON.parse(await outputOf(namespace, status.resolvedImage ?? ''));
        expect(said.env).toMatchObject(Object.fromEntries(spec.env.map(({ name, value }) => [name, value])));
        expect(said.args).toEqual(spec.entrypoint.slice(3));
        expect(said.words).toEqual(TEXTS.slice(0, 40));
        expect(said.here).toBe(`${here}\n`);
        expect(said.files).toEqual(files);
        expect(said).toMatchObject({ pwned: false, user: 1000 });
        const { config } = await inRegistry(status.resolvedImage ?? '');
        expect(config.Labels).toMatchObject(spec.labels);
      },
    );

    test('is refused where a name is wanted, by the API server or the operator, before there is a Job', async () => {
      const applied = await Promise.all(
        REFUSED.map(async (spec, index) => {
          const name = `name-${index}`;
          return await apply(namespace, { [name]: spec }).then(
            () => name,
            () => undefined,
          );
        }),
      );
      const kept = applied.filter((name) => name !== undefined);
      // The server refuses what its rules can say; the rest is for the operator's own grammar of requirements.
      expect(kept.length).toBeLessThan(20);
      await Promise.all(
        kept.map(async (name) => {
          const shown = await reached(
            name,
            () => show(namespace, name),
            (seen) => conditionsOf(seen).current,
            20,
          );
          expect(conditionsOf(shown), JSON.stringify(shown.spec)).toMatchObject({
            reason: 'InvalidSpec',
            stalled: true,
          });
          expect(conditionsOf(shown).message).toMatch(/^spec\.packages\[0\]: /);
        }),
      );
      const owners = (await jobsIn(namespace)).flatMap(({ metadata }) => metadata?.ownerReferences ?? []);
      expect(owners.map(({ name }) => name).sort()).toEqual([...BUILDERS].sort());
    });
  },
  async () => {
    daemon = await startDaemon();
    return { builders: [...daemonSettings(daemon.address).builders, ...others] };
  },
);
