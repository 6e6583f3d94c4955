/**
 * Lines of a stream of bytes, each as soon as it is complete. What is not yet complete is kept as the pieces it came
 * in; a line longer than the limit fails with what `tooLong` makes.
 */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
  tooLong: () => Error,
): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces).toString();
      pieces = [];
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    length += chunk.length - start;
    if (length > maxBytes) throw tooLong();
    pieces.push(chunk.subarray(start));
  }
  if (length > 0) yield Buffer.concat(pieces).toString();
}
