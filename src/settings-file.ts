/**
 * The settings as a YAML file.
 *
 * One that does not fit stops the start; the error names line, field and what to write instead. Nothing here reads the
 * file: `main` and `cli` hand over its text.
 */
import { LineCounter, parseDocument } from 'yaml';
import { mistakesIn, sentenceOf } from './api/mistakes.ts';
import { type Settings, settingsSchema } from './settings.ts';
import { offsetOf, syntaxProblem } from './syntax.ts';

/** A settings file that does not fit; the message has one line per problem. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/**
 * Reads the text of a settings file; an empty text gives the defaults.
 *
 * @param file named in the messages only
 * @throws SettingsError naming line, field and fix of everything that is wrong
 */
export function readSettings(text: string, file = 'settings'): Settings {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const wrong = syntaxProblem(document);
  if (wrong) throw new SettingsError(`${file}:${lines.linePos(wrong.at).line}: ${wrong.message}`);

  const at = (path: readonly PropertyKey[], message: string) => {
    const { line } = lines.linePos(offsetOf(document, path));
    return { line, words: `${file}:${line}: ${path.join('.') || '(top level)'}: ${message}` };
  };
  const parsed = settingsSchema.safeParse(document.toJS() ?? {}, { error: sentenceOf });
  if (!parsed.success) {
    const found = mistakesIn(parsed.error).map(({ path, message }) => at(path, message));
    throw new SettingsError(
      found
        .sort((a, b) => a.line - b.line)
        .map(({ words }) => words)
        .join('\n'),
    );
  }
  const names = parsed.data.builders.map((builder) => builder.name);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0) {
    const message = `the name ${names[twice]} is used twice; give each builder one of its own`;
    throw new SettingsError(at(['builders', twice, 'name'], message).words);
  }
  return parsed.data;
}
