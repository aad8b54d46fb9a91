/**
 * Strings of the spec: every pattern said once, as a regular expression that RE2 and JavaScript both take.
 *
 * The CRD's CEL rule and the operator's own check come from it, each with the sentence that says what to write.
 */
import { z } from 'zod';

/** One CEL rule of the CRD. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

const celMatches = (pattern: RegExp) => `self.matches(r'''${pattern.source}''')`;

/** A string held to a pattern, with the sentence that says what to write instead; `more` are further CEL rules. */
export function text(max: number, pattern: RegExp, message: string, more: readonly Rule[] = []) {
  return z
    .string()
    .min(1)
    .max(max)
    .regex(pattern, message)
    .meta({ 'x-kubernetes-validations': [{ rule: celMatches(pattern), message }, ...more] });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what is looked for
const WITHOUT_NUL = /^[^\x00]*$/;
const NUL_RULE: Rule = { rule: `self.matches(r'''^[^\\x00]*$''')`, message: 'take out the NUL character' };

/** Any text but NUL, which no environment, file name or argument can carry. */
export const anyText = (max: number, more: readonly Rule[] = []) =>
  z
    .string()
    .max(max)
    .regex(WITHOUT_NUL, NUL_RULE.message)
    .meta({ 'x-kubernetes-validations': [NUL_RULE, ...more] });

/** RFC 1123, as Kubernetes names most objects. */
export const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const SECRET_NAME = text(
  253,
  DNS_NAME,
  'write the name of a Secret: lower-case letters, digits, - and .',
);

export const secretRef = z.object({
  name: SECRET_NAME.describe('Name of the Secret, in the namespace of the ImageSpec.'),
});

/** Key of a Secret or ConfigMap, as Kubernetes takes them. */
const objectKey = text(253, /^[-._a-zA-Z0-9]+$/, 'write a key of letters, digits, -, _ and .');

export const secretKeyRef = z.object({
  name: SECRET_NAME.describe('Name of the Secret, in the namespace of the ImageSpec.'),
  key: objectKey.describe('Key in the Secret.'),
});

/** Image references, as containerd and Docker read them. */
export const REFERENCE =
  /^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?\/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$/;

/** A URL's characters in plain ASCII, percent-encoded where need be: no space, line separator, quote or shell sign. */
export const URL_CHARACTERS = /[!#%&(-;=?-[\]-~]+/.source;

const PATH_MESSAGE =
  'write a relative path below the source, without .., control characters and \\, for example app/main.py';
/** One part of a path: anything printable but `.` and `..`; without look-around. */
const PART =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  /([^./\\\x00-\x1f\x7f]|\.[^./\\\x00-\x1f\x7f]|\.\.[^/\\\x00-\x1f\x7f])[^/\\\x00-\x1f\x7f]*/.source;

/** The path of a file below the source. */
export const FILE_PATH = new RegExp(`^${PART}(/${PART})*$`);

/** A path inside the source; `.` is its top, a slash at the end is a folder's. */
export const relativePath = text(1024, new RegExp(`^(\\./?|${PART}(/${PART})*/?)$`), PATH_MESSAGE);

/** Absolute paths that may stand in a Dockerfile: no spaces, quotes or `$`. */
export const ABSOLUTE = /^\/([A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*)?$/;
/** The same, but never the root. */
export const ABSOLUTE_FILE = /^\/[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/;

/** A URL that holds a user, password or token; CEL and the schema refuse it alike. */
export const NO_CREDENTIALS: Rule = {
  rule: "!self.matches(r'''https?://[^/?#]*@|://[^/@:]*:[^/@]*@''')",
  message:
    'take the user, password or token out of the URL: everybody who may read the ImageSpec would read it',
};
const CREDENTIALS = /https?:\/\/[^/?#]*@|:\/\/[^/@:]*:[^/@]*@/;
export const hasNoCredentials = (url: string) => !CREDENTIALS.test(url);
