/** A watch's bytes as lines, each of bounded length. */

/**
 * The whole lines of a stream; what follows the last line feed was cut off and is not a line.
 *
 * @throws RangeError when a line is longer than `maxBytes`
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const line = chunk.subarray(start, end);
      start = end + 1;
      if (size + line.length > maxBytes) throw tooLong(maxBytes);
      // Joined as bytes: a character may be spread over two chunks.
      yield Buffer.concat([...parts, line]).toString('utf8');
      parts = [];
      size = 0;
    }
    const rest = chunk.subarray(start);
    size += rest.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    if (rest.length > 0) parts.push(rest);
  }
}

function tooLong(maxBytes: number): RangeError {
  return new RangeError(`a line of the stream is longer than ${maxBytes} bytes`);
}
