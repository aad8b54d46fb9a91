/** Tar archives in memory. */
import { pack } from 'tar-stream';

type Header = Parameters<ReturnType<typeof pack>['entry']>[0];

/** An archive of these entries: text stands for a plain file, anything else is a header. */
export async function tarOf(
  entries: readonly (readonly [name: string, content: string | Buffer | Omit<Header, 'name'>])[],
): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of entries) {
    if (typeof content === 'string' || Buffer.isBuffer(content))
      archive.entry({ name, mode: 0o644 }, content);
    else if (content.type === 'file') archive.entry({ name, ...content }, '');
    else archive.entry({ name, ...content });
  }
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
