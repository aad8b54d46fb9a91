/** `npm run bench -- QUESTION`: measurements on the local cluster, one file a question in bench/. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = join(import.meta.dirname, '../bench');
const questions = readdirSync(folder)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length));
const [question] = process.argv.slice(2);
if (question === undefined || !questions.includes(question)) {
  console.log(`usage: npm run bench -- QUESTION\n\nquestions: ${questions.join(' ')}`);
  process.exit(question === undefined || question === '--help' ? 0 : 2);
}
await import(pathToFileURL(join(folder, `${question}.ts`)).href);
