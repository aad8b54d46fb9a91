/** Profile Flytekit: the real flytekit, inside the image that was built, knows the image as its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import {
  apply,
  cluster,
  createNamespace,
  deleteNamespace,
  outputOf,
  RUN,
  ready,
  type Shown,
  test,
  withOperator,
} from '../support/e2e.ts';
import { type GitHttp, startGitHttp } from '../support/git-http.ts';
import { GitRepository } from '../support/git-repository.ts';
import { inRegistry } from '../support/in-registry.ts';

/**
 * What flytekit says in a container where a task runs, as JSON.
 *
 * Arguments: those of the ImageSpec the image was built for, and those of another, as JSON.
 */
const ASK_FLYTEKIT = `import json, os, pwd, shutil, sys
from flytekit import ImageSpec, __version__
from flytekit.core.context_manager import ExecutionState, FlyteContextManager

def image_spec(given):
    base = given.pop('base_image', None)
    return ImageSpec(**given, base_image=image_spec(base) if isinstance(base, dict) else base)

mine, other = (image_spec(json.loads(text)) for text in sys.argv[1:])
context = FlyteContextManager.current_context()
state = context.execution_state.with_params(mode=ExecutionState.Mode.TASK_EXECUTION)
with FlyteContextManager.with_context(context.with_execution_state(state)):
    containers = [mine.is_container(), other.is_container()]
open('/root/written', 'w').close()
print(json.dumps({
    'containers': containers,
    'name': mine.image_name(),
    'id': os.environ['_F_IMG_ID'] == mine.id,
    'version': __version__,
    'user': pwd.getpwuid(os.getuid()).pw_name,
    'home': os.environ['HOME'],
    'folder': os.getcwd(),
    'path': os.environ['PYTHONPATH'],
    'greeting': os.environ.get('GREETING'),
    'execute': shutil.which('pyflyte-execute'),
}))
`;

/** Free of what Kubernetes expands in arguments. */
const GREETING = `it's "so": é\n 😀\u200b`;
const FILES = { 'requirements.txt': '\ntoolz\n', 'app/main.py': 'print("app")\n', 'app/lib/one.py': '' };

/** Its files come from git, where a look Job finds what flytekit counts of them. */
const TASK = {
  spec: {
    profile: 'Flytekit',
    registry: cluster.registry,
    name: `${RUN}/task`,
    packages: ['idna'],
    pythonVersion: '3.11',
    env: [{ name: 'GREETING', value: GREETING }],
    commands: ['cd /', 'echo made >/root/made'],
    requirements: 'requirements.txt',
    copy: ['requirements.txt', 'app'],
    tagFormat: 'v1-{spec_hash}',
  },
  given: {
    registry: cluster.registry,
    name: `${RUN}/task`,
    packages: ['idna'],
    python_version: '3.11',
    env: { GREETING },
    commands: ['cd /', 'echo made >/root/made'],
    requirements: 'requirements.txt',
    copy: ['requirements.txt', 'app'],
    tag_format: 'v1-{spec_hash}',
  },
};

/** On top of the other one, without a source of its own. */
const ABOVE = {
  spec: {
    profile: 'Flytekit',
    registry: cluster.registry,
    name: `${RUN}/above`,
    packages: ['six'],
    baseImageSpecRef: { name: 'task' },
  },
  given: {
    registry: cluster.registry,
    name: `${RUN}/above`,
    packages: ['six'],
    base_image: TASK.given,
  },
};

let git: GitHttp;
const folder = mkdtempSync(join(tmpdir(), 'imagespec-flytekit-'));
beforeAll(async () => {
  new GitRepository(folder, 'code').commit(FILES);
  git = await startGitHttp({ root: folder, address: HOST_ADDRESS });
});
afterAll(async () => {
  await git?.stop();
  rmSync(folder, { recursive: true });
});

withOperator('an ImageSpec of profile Flytekit', () => {
  let namespace: string;
  const shown: Record<string, Shown> = {};
  beforeAll(async () => {
    namespace = await createNamespace('flytekit.e2e');
    const source = { git: { url: `${git.origin}/code.git` } };
    await apply(namespace, { above: ABOVE.spec, task: { ...TASK.spec, source } });
    for (const name of ['task', 'above']) shown[name] = await ready(namespace, name, 280);
  }, 600_000);
  afterAll(async () => {
    await deleteNamespace(namespace);
  });

  async function ask(name: string, mine: object, other: object) {
    const command = ['python', '-c', ASK_FLYTEKIT, JSON.stringify(mine), JSON.stringify(other)];
    return JSON.parse(await outputOf(namespace, shown[name]?.status.resolvedImage ?? '', { command }));
  }

  describe.each([
    ['alone', 'task', TASK, ABOVE],
    ['over another', 'above', ABOVE, TASK],
  ])('%s', (_title, name, mine, other) => {
    test('is what flytekit in its container knows as its own, by the name that was pushed', async () => {
      const { status } = shown[name] as Shown;
      const said = await ask(name, mine.given, other.given);
      expect(said).toMatchObject({
        containers: [true, false],
        id: true,
        name: status.image,
        version: '1.16.31',
        user: 'flytekit',
        home: '/home/flytekit',
        folder: '/root',
        path: '/root',
        execute: '/opt/venv/bin/pyflyte-execute',
      });
      expect(said.greeting).toBe(GREETING);
    });
  });

  test('has a user that Kubernetes knows not to be root', async () => {
    const { config } = await inRegistry(shown.task?.status.resolvedImage ?? '');
    expect(config.User).toBe('1000:1000');
    expect(config.WorkingDir).toBe('/root');
  });
});
