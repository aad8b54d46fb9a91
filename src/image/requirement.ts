/**
 * Python requirements: reading one line, refusing what pip would take for an option, and its normal form.
 *
 * Grammar: PEP 508 with PEP 440 specifiers, plus the bare URLs that pip and uv accept. Two texts of the
 * same meaning get the same normal form (PEP 503 names, sorted extras and specifiers, no spaces), which
 * is also what is installed: so equal hashes are equal images.
 */
import { URL_CHARACTERS } from '../api/spec/text.ts';

export type ReadRequirement =
  | { readonly ok: true; readonly name: string | undefined; readonly normal: string }
  | { readonly ok: false; readonly message: string };

const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?';
const URL_FORM = new RegExp(`^(?:git\\+)?(?:https?|ssh)://${URL_CHARACTERS}$`);
const HEAD = new RegExp(`^(${NAME})\\s*(?:\\[([^\\]]*)\\])?\\s*(.*)$`, 's');
const SPECIFIER = /^(===|==|~=|!=|<=|>=|<|>)\s*([A-Za-z0-9._*+!-]+)$/;
/**
 * A PEP 508 marker, by its words: variables, quoted values (no space before a dash: pip would see an option), operators.
 * No word can be read in two ways: trying all of them would take for ever.
 */
const MARKER =
  /^(?:\s*(?:[()]|(?:<=|>=|===|==|!=|~=|<|>)(?![<=>!~])|'(?:[A-Za-z0-9_.,+!*-]| (?!-))*'|"(?:[A-Za-z0-9_.,+!*-]| (?!-))*"|(?:and|or|not|in|python_version|python_full_version|os_name|sys_platform|platform_release|platform_system|platform_version|platform_machine|platform_python_implementation|implementation_name|implementation_version|extra)(?![A-Za-z0-9_])))+\s*$/;

/** @param text one entry of `spec.packages` */
export function readRequirement(text: string): ReadRequirement {
  const line = text.trim();
  if (/[\n\r\u2028\u2029\t\0$\\]/.test(line))
    return no('write one requirement in one line, without $ and \\');
  if (line.startsWith('-')) return no('options do not belong here; name a package');
  if (URL_FORM.test(line)) return url(line) ?? { ok: true, name: undefined, normal: line };

  const head = HEAD.exec(line);
  if (!head) return no('write a package name such as pandas, pandas==2.2.3 or pkg @ https://host/file.whl');
  const [, name = '', extras = '', tail = ''] = head;
  const wantedExtras = extras
    .split(',')
    .map((extra) => extra.trim())
    .filter(Boolean);
  const badExtra = wantedExtras.find((extra) => !new RegExp(`^${NAME}$`).test(extra));
  if (badExtra !== undefined) return no(`"${badExtra}" is not the name of an extra`);
  const normalName = pep503(name);
  const prefix =
    normalName + (wantedExtras.length > 0 ? `[${unique(wantedExtras.map(pep503)).join(',')}]` : '');

  if (tail.startsWith('@')) return direct(normalName, prefix, tail.slice(1).trim());
  const [versions, marker] = splitMarker(tail);
  if (marker !== undefined && !MARKER.test(marker)) return no(`"${marker}" is not an environment marker`);
  const bare = /^\((.*)\)$/.exec(versions)?.[1] ?? versions;
  const specifiers: string[] = [];
  for (const part of bare.split(',').map((piece) => piece.trim())) {
    if (part === '' && bare.trim() === '') break;
    const read = SPECIFIER.exec(part);
    if (!read) return no(`"${part}" is not a version; write for example ${normalName}==1.2.3`);
    specifiers.push(`${read[1]}${read[2]}`);
  }
  return {
    ok: true,
    name: normalName,
    normal: prefix + unique(specifiers).join(',') + (marker === undefined ? '' : `; ${squeeze(marker)}`),
  };
}

/** The normal form of a project's name (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`. */
export function pep503(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

function direct(name: string, prefix: string, rest: string): ReadRequirement {
  const [, address = '', marker] = /^(\S+)(?:\s+;\s*(.*))?$/.exec(rest) ?? [];
  if (!URL_FORM.test(address)) return no('write the URL after @ as https://…, git+https://… or git+ssh://…');
  if (marker !== undefined && !MARKER.test(marker)) return no(`"${marker}" is not an environment marker`);
  const refused = url(address);
  if (refused) return refused;
  return {
    ok: true,
    name,
    normal: `${prefix} @ ${address}${marker === undefined ? '' : ` ; ${squeeze(marker)}`}`,
  };
}

function url(text: string): ReadRequirement | undefined {
  if (!/^(?:git\+)?https?:\/\/[^/?#]*@|:\/\/[^/@:]*:[^/@]*@/.test(text)) return undefined;
  return no(
    'take the user, password or token out of the URL: everybody who may read the ImageSpec would read it',
  );
}

function splitMarker(text: string): [string, string | undefined] {
  const semicolon = text.indexOf(';');
  return semicolon < 0
    ? [text.trim(), undefined]
    : [text.slice(0, semicolon).trim(), text.slice(semicolon + 1).trim()];
}

/** Runs of spaces as one, but not inside quotes. */
const squeeze = (text: string) =>
  text.trim().replace(/('[^']*'|"[^"]*")| +/g, (_all, quoted?: string) => quoted ?? ' ');
const unique = (list: readonly string[]) => [...new Set(list)].sort();
const no = (message: string): ReadRequirement => ({ ok: false, message });

/** True for a requirement that stands for files beside it: `./pkg`, `pkg.whl`, `name @ file:///…`. */
export function localPackage(requirement: string): boolean {
  const written = requirement.split(';')[0]?.trim() ?? '';
  const target = /^[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@\s*(.*)$/s.exec(written)?.[1];
  const place = target ?? written;
  const scheme = /^([a-z]+\+)?([a-z][a-z0-9.-]*):/i.exec(place)?.[2];
  if (scheme !== undefined) return scheme.toLowerCase() === 'file';
  return target !== undefined || /[/\\]|^[.~]|\.(whl|zip|tar\.(gz|bz2|xz)|tgz)$/i.test(place);
}
