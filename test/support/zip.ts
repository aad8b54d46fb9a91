/** Zip archives, as wheels and conda packages are: their files are stored as they are. */
import { crc32 } from 'node:zlib';

/** APPNOTE.TXT 4.3: for each file a header and its bytes, then a directory of them all, then where that begins. */
export function zipOf(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [path, body] of Object.entries(files)) {
    const [name, content] = [Buffer.from(path), Buffer.from(body)];
    // Version 2.0, no flags, stored, 1 January 1980, checksum, size twice, length of the name, nothing extra.
    const common = numbers([20, 2], [0, 2], [0, 2], [0, 2], [0x21, 2], [crc32(content), 4]);
    const sizes = numbers([content.length, 4], [content.length, 4], [name.length, 2], [0, 2]);
    const file = Buffer.concat([numbers([0x04034b50, 4]), common, sizes, name, content]);
    const rest = numbers([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    directory.push(numbers([0x02014b50, 4], [20, 2]), common, sizes, rest, name);
    parts.push(file);
    offset += file.length;
  }
  const list = Buffer.concat(directory);
  const count = Object.keys(files).length;
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [list.length, 4], [offset, 4]);
  return Buffer.concat([...parts, list, end, numbers([0, 2])]);
}

/** Little-endian numbers, each of so many bytes. */
function numbers(...list: readonly (readonly [value: number, bytes: number])[]): Buffer {
  return Buffer.concat(
    list.map(([value, bytes]) => {
      const buffer = Buffer.alloc(bytes);
      buffer.writeUIntLE(value, 0, bytes);
      return buffer;
    }),
  );
}
