/**
 * Long steps say what they do, how long that usually takes and how long it has taken so far.
 *
 * On a terminal all running steps share one line that updates itself; elsewhere each says a line of its
 * own every 15 seconds. Everything goes to stderr: stdout belongs to what a command answers.
 */

/** What a long step is called, and an honest estimate such as `8 min`. */
export interface About {
  readonly title: string;
  readonly usually: string;
}

const TERMINAL_EVERY_MS = 1_000;
const LOG_EVERY_MS = 15_000;
const ERASE_LINE = '\r\x1b[K';

const running = new Map<About, number>();
let ticker: NodeJS.Timeout | undefined;

function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function show(): void {
  const lines = [...running].map(
    ([{ title, usually }, start]) => `${title}: ${clock(performance.now() - start)} (usually ${usually})`,
  );
  if (!process.stderr.isTTY) {
    for (const line of lines) process.stderr.write(`${line}\n`);
    return;
  }
  process.stderr.write(ERASE_LINE + lines.join(' · ').slice(0, (process.stderr.columns || 80) - 1));
}

/** Says one line on stderr without disturbing the steps that are shown there. */
export function say(line: string): void {
  process.stderr.write(`${process.stderr.isTTY && running.size > 0 ? ERASE_LINE : ''}${line}\n`);
}

/** Runs `work` and shows on stderr that it runs; says how long it took, or that it failed. */
export async function progress<T>(about: About, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  running.set(about, start);
  ticker ??= setInterval(show, process.stderr.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS);
  if (!process.stderr.isTTY) say(`${about.title} (usually ${about.usually}) ...`);
  try {
    const result = await work();
    say(`${about.title}: done in ${clock(performance.now() - start)}`);
    return result;
  } catch (error) {
    say(`${about.title}: failed after ${clock(performance.now() - start)}`);
    throw error;
  } finally {
    running.delete(about);
    if (running.size === 0) {
      clearInterval(ticker);
      ticker = undefined;
    }
  }
}
