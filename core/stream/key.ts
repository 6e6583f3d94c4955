/** Between the parts of a key. A value that has it, which only a sender who wants to confuse writes, is changed. */
const SEPARATOR = '\u001f';
const REPLACEMENT = '\ufffd';

/** Values as one text, from which `splitKey` gets them back. Different lists have different texts. */
export function joinKey(values: readonly string[]): string {
  let key = '';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as string;
    const part = value.includes(SEPARATOR) ? value.replaceAll(SEPARATOR, REPLACEMENT) : value;
    key = i === 0 ? part : `${key}${SEPARATOR}${part}`;
  }
  return key;
}

export function splitKey(key: string): string[] {
  return key.split(SEPARATOR);
}

/** The same text without the pieces that it was put together from: for keys that are kept. */
export function compactKey(key: string): string {
  return Buffer.from(key).toString();
}
