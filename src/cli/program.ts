/** The commands of `imagespec`, their options and what they print; each command's work is in a file of its own. */
import './once.ts';

import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Command, CommanderError, Option } from 'commander';
import type { Settings } from '../settings.ts';
import { readSettings, SettingsError } from '../settings-file.ts';
import type { Source } from './documents.ts';
import { type Finding, failed, printed } from './findings.ts';

export interface Output {
  out(text: string): void;
  err(text: string): void;
}

/** Exit codes. */
const GOOD = 0;
const REFUSED = 1;
const USAGE = 2;

const EXIT_CODES = `
Exit code: 0 all is well (there may be warnings), 1 something was refused, 2 the command itself was wrong.`;

/** Runs one command line, without the program's name; returns the exit code. */
export async function run(argv: readonly string[], output: Output): Promise<number> {
  let code = GOOD;
  const done = (is: number) => {
    code = is;
  };
  const program = programOf(output, done);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? GOOD : USAGE;
    if (!(error instanceof CannotRead) && !(error instanceof SettingsError)) throw error;
    output.err(`${error.message}\n`);
    return USAGE;
  }
  return code;
}

function programOf(output: Output, done: (code: number) => void): Command {
  const program = new Command('imagespec')
    .description(
      'ImageSpecs without a cluster: what they become, whether they are right, and flytekit as a source of them.',
    )
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this text')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err });

  program
    .command('render')
    .summary('show the image, its tag and its Dockerfile')
    .description(
      'Shows what the operator makes of each ImageSpec of a file: the inputs of its hash, tag and name of the image, Dockerfile and build context. Asks no cluster and no registry.',
    )
    .requiredOption('-f, --file <FILE>', 'YAML with one or more ImageSpecs; - reads standard input')
    .option('--settings <FILE>', "the operator's settings, for default registry and builders")
    .addOption(
      new Option(
        '--dialect <NAME>',
        "dialect of the Dockerfile (default: that of the builder's engine)",
      ).choices(['BuildKit', 'Plain']),
    )
    .addOption(
      new Option('-o, --output <FORMAT>', 'text for people, json: one object for each ImageSpec')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addHelpText(
      'after',
      `
With -o json: image, tag, specHash, inputs (the text that specHash counts), builder, dialect, dockerfile, files and args
(build arguments); with several platforms the last four for each of them, in platforms.

An ImageSpec whose content only the cluster knows (source from git, a ConfigMap or an artifact; baseImageSpecRef) is refused
by the name of the field.

Examples:
  imagespec render -f sklearn.yaml
  kubectl get imagespec sklearn -o yaml | imagespec render -f - -o json | jq -r .image
${EXIT_CODES}`,
    )
    .action(
      async (options: {
        file: string;
        settings?: string;
        dialect?: 'BuildKit' | 'Plain';
        output: string;
      }) => {
        const { render, shown } = await import('./render.ts');
        const settings = (await settingsOf(options.settings)) ?? readSettings('');
        const { findings, rendered } = render(await read(options.file), settings, options.dialect);
        report(findings, output);
        if (rendered.length > 0) output.out(shown(rendered, options.output === 'json'));
        done(failed(findings) ? REFUSED : GOOD);
      },
    );

  program
    .command('validate')
    .summary('say what is wrong with ImageSpecs')
    .description(
      'Judges ImageSpecs by the schema, by the rules between fields and by what their builder takes: what the API server and the operator would say, each with file, line and what to write instead.',
    )
    .requiredOption(
      '-f, --file <FILE...>',
      'YAML files; objects of other kinds are passed over; - reads standard input',
    )
    .option('--settings <FILE>', "the operator's settings; without them, what only they decide is a warning")
    .addHelpText('after', EXIT_CODES)
    .action(async (options: { file: string[]; settings?: string }) => {
      const { validate } = await import('./validate.ts');
      const settings = await settingsOf(options.settings);
      const judged = [];
      for (const file of options.file) judged.push(validate(await read(file), settings));
      report(
        judged.flatMap(({ findings }) => findings),
        output,
      );
      const good = judged.flatMap((one) => one.good);
      if (good.length > 0) output.out(`${good.join('\n')}\n`);
      done(judged.some(({ findings }) => failed(findings)) ? REFUSED : GOOD);
    });

  program
    .command('convert')
    .summary("turn flytekit's YAML into ImageSpecs")
    .description(
      'Turns the YAML file that flytekit reads an ImageSpec from (pyflyte run --image FILE) into ImageSpecs, on standard output. What carries over only nearly is a warning; what cannot is refused, and then nothing is written.',
    )
    .argument('<FILE>', "flytekit's YAML; - reads standard input")
    .addOption(
      new Option('--profile <NAME>', 'Flytekit: with the tag that flytekit computes, or refused')
        .choices(['Generic', 'Flytekit'])
        .default('Generic'),
    )
    .option('--root <DIR>', 'folder that the paths in the file are relative to', '.')
    .option('--name <NAME>', 'name of the ImageSpec (default: the name in the file, else that of the file)')
    .addHelpText(
      'after',
      `
A base_image that is a mapping becomes an ImageSpec of its own, and copied files and requirements become source.files.

Examples:
  imagespec convert image.yaml | kubectl apply -f -
  imagespec convert image.yaml --profile Flytekit > imagespec.yaml
${EXIT_CODES}`,
    )
    .action(
      async (file: string, options: { profile: 'Generic' | 'Flytekit'; root: string; name?: string }) => {
        const { convert } = await import('./convert.ts');
        const converted = convert(await read(file), options);
        report(converted.findings, output);
        if (converted.text !== '') output.out(converted.text);
        done(failed(converted.findings) ? REFUSED : GOOD);
      },
    );
  return program;
}

/** A file that somebody named and nobody can read. */
class CannotRead extends Error {
  override name = 'CannotRead';
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder; name the files in it',
};

async function read(file: string): Promise<Source> {
  try {
    return file === '-'
      ? { file: '<stdin>', text: await text(process.stdin) }
      : { file, text: readFileSync(file, 'utf8') };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new CannotRead(`${file}: ${UNREADABLE[code ?? ''] ?? (error as Error).message}`, { cause: error });
  }
}

async function settingsOf(file: string | undefined): Promise<Settings | undefined> {
  return file === undefined ? undefined : readSettings((await read(file)).text, file);
}

function report(findings: readonly Finding[], output: Output): void {
  if (findings.length > 0) output.err(`${findings.map(printed).join('\n')}\n`);
}

function version(): string {
  const about = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(about) as { version: string }).version;
}
