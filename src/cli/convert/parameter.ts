/** One parameter of a flytekit YAML file while it is carried over: reading it, and saying what becomes of it. */
import type { YamlDocument } from '../documents.ts';
import type { Finding } from '../findings.ts';

export type Path = readonly (string | number)[];

/** Where one flytekit ImageSpec stands, and what is said of it. */
export interface Origin {
  readonly document: YamlDocument;
  /** Of the mapping in the document: empty, or that of a nested base image. */
  readonly path: Path;
  /** The tag must be flytekit's own: what is only near is refused. */
  readonly exact: boolean;
  readonly findings: Finding[];
}

/** Numbers to the base of 60, days and times by YAML 1.1, as PyYAML has it and Kubernetes has not. */
const NO_TEXT_TO_PYTHON =
  /^([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?)$/;

/** Truth values as Python prints them. */
const PYTHON = { true: 'True', false: 'False' } as const;

export class Parameter {
  readonly #origin: Origin;
  readonly key: string;
  readonly value: unknown;

  constructor(origin: Origin, key: string, value: unknown) {
    this.#origin = origin;
    this.key = key;
    this.value = value;
  }

  get exact(): boolean {
    return this.#origin.exact;
  }

  refuse(message: string, path: Path = []): undefined {
    this.#say('error', message, path);
  }

  warn(message: string, path: Path = []): void {
    this.#say('warning', message, path);
  }

  /** Something near can be had, but flytekit hashes what was written. */
  near(message: string, path: Path = []): void {
    if (this.exact)
      this.refuse(`${message}; flytekit hashes it as it is written, so its tag would be another`, path);
    else this.warn(message, path);
  }

  /** A text; a number or a truth value as it is written. Undefined for anything else, which is said. */
  string(value: unknown = this.value, path: Path = []): string | undefined {
    const { document } = this.#origin;
    const at = [...this.#origin.path, this.key, ...path];
    if (typeof value === 'string') {
      if (document.isPlain(at) && NO_TEXT_TO_PYTHON.test(value)) {
        this.near(`Python reads ${value} as no text: write it in quotes`, path);
      }
      return value;
    }
    if (typeof value !== 'number' && typeof value !== 'boolean') {
      return this.refuse('write a text', path);
    }
    const written = document.writtenAt(at) ?? String(value);
    const text = typeof value === 'boolean' ? PYTHON[`${value}`] : written;
    this.near(`${written} is no text; taken as "${text}", so write that in quotes`, path);
    return text;
  }

  /** A list of texts; a single text is one of one. */
  strings(): string[] | undefined {
    if (typeof this.value === 'string') {
      this.warn('a list belongs here, which flytekit insists on; taken as a list of one');
      return [this.value];
    }
    if (!Array.isArray(this.value)) return this.refuse('write a list of texts');
    const items = this.value.map((item, index) => this.string(item, [index]));
    return items.every((item) => item !== undefined) ? items : undefined;
  }

  #say(severity: Finding['severity'], message: string, path: Path): void {
    const { document, findings } = this.#origin;
    const inside = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('');
    findings.push({
      severity,
      file: document.file,
      line: document.lineOf([...this.#origin.path, this.key, ...path]),
      field: `${[...this.#origin.path, this.key].join('.')}${inside}`,
      message,
    });
  }
}
