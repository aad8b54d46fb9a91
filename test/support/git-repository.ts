/** Git repositories made here and now, by git itself, in a folder that a server serves. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class GitRepository {
  /** Below it the server finds `<name>.git`. */
  readonly root: string;
  readonly name: string;

  /** Makes `<root>/<name>.git`, empty, with `main` as its default branch. */
  constructor(root: string, name: string, objectFormat: 'sha1' | 'sha256' = 'sha1') {
    this.root = root;
    this.name = name;
    mkdirSync(this.folder, { recursive: true });
    this.git('init', '--quiet', '--bare', '--initial-branch=main', `--object-format=${objectFormat}`);
  }

  get folder(): string {
    return join(this.root, `${this.name}.git`);
  }

  /** Runs git on the repository. @returns what it printed, without white space around it */
  git(...args: string[]): string {
    return this.#run(args, {});
  }

  /** {@link git} with text for its standard input. */
  gitWithInput(input: string, ...args: string[]): string {
    return this.#run(args, {}, this.folder, input);
  }

  /** A commit of these files and nothing else on a branch. @returns its hash */
  commit(
    files: Readonly<Record<string, string | { link: string } | { executable: string }>>,
    branch = 'main',
  ): string {
    const work = mkdtempSync(join(tmpdir(), 'imagespec-git-work-'));
    try {
      for (const [path, content] of Object.entries(files)) {
        const file = join(work, path);
        mkdirSync(dirname(file), { recursive: true });
        if (typeof content === 'string') writeFileSync(file, content);
        else if ('link' in content) symlinkSync(content.link, file);
        else {
          writeFileSync(file, content.executable);
          chmodSync(file, 0o755);
        }
      }
      const index = { GIT_INDEX_FILE: join(work, '.index'), GIT_WORK_TREE: work };
      const there = Object.keys(files);
      if (there.length > 0) this.#run(['add', '--force', '--', ...there], index, work);
      const tree = this.#run(['write-tree'], index, work);
      return this.commitTree(tree, branch);
    } finally {
      rmSync(work, { recursive: true });
    }
  }

  /** A commit of a tree that is there, on a branch. */
  commitTree(tree: string, branch = 'main'): string {
    const before = this.git('for-each-ref', '--format=%(objectname)', `refs/heads/${branch}`);
    const parents = before === '' ? [] : ['-p', before];
    const commit = this.git('commit-tree', tree, '-m', 'a commit', ...parents);
    this.git('update-ref', `refs/heads/${branch}`, commit);
    return commit;
  }

  #run(args: readonly string[], env: NodeJS.ProcessEnv, cwd = this.folder, input = ''): string {
    const who = {
      GIT_AUTHOR_NAME: 'a',
      GIT_AUTHOR_EMAIL: 'a@a',
      GIT_COMMITTER_NAME: 'a',
      GIT_COMMITTER_EMAIL: 'a@a',
    };
    const own = { GIT_DIR: this.folder, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
    return execFileSync('git', args, {
      cwd,
      input,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...own, ...who, ...env },
    }).trim();
  }
}
