import type { Random } from '../differential/random.ts';
import { mutateBytes } from './mutate-bytes.ts';

const NUMBERS = [
  '0',
  '-0',
  '1',
  '-1',
  '00',
  '+1',
  '1.',
  '.5',
  '1e3',
  '1E+3',
  '1e-400',
  '1e400',
  '0x10',
  '1_0',
  'NaN',
  'Inf',
  '-Inf',
  '+Inf',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775809',
  '18446744073709551615',
  '18446744073709551616',
  '4294967296',
  '2147483648',
  '1'.repeat(40),
];
const BYTES_INSTEAD = 0.15;
const MAX_REPEAT = 40;

type Mutate = (input: Buffer, random: Random, pool: readonly Buffer[]) => Buffer;

/** Changes of text by its words: `tokens` cuts it, `words` are put in; now and then octets, as if nothing was known. */
export function mutateTokens(tokens: RegExp, words: readonly string[]): Mutate {
  const vocabulary = [...words, ...words, ...NUMBERS];
  return (input, random, pool) => {
    if (random.chance(BYTES_INSTEAD)) return mutateBytes(input, random, pool);
    const cut = (text: Buffer): string[] => text.toString('latin1').match(tokens) ?? [];
    const list = cut(input);
    for (let n = 1 + random.below(4); n > 0; n--) change(list, random, vocabulary, () => cut(random.pick(pool)));
    return Buffer.from(list.join(''), 'latin1');
  };
}

function change(list: string[], random: Random, vocabulary: readonly string[], other: () => string[]): void {
  const at = random.below(list.length + 1);
  const few = random.below(random.chance(0.8) ? 4 : list.length + 1);
  switch (random.below(9)) {
    case 0:
      list.splice(at, few);
      break;
    case 1:
      list.splice(at, 0, ...list.slice(at, at + few));
      break;
    case 2:
      list.splice(at, 1, random.pick(vocabulary));
      break;
    case 3:
      list.splice(at, 0, random.pick(vocabulary));
      break;
    case 4: {
      const from = other();
      const start = random.below(from.length + 1);
      list.splice(at, few, ...from.slice(start, start + random.below(12)));
      break;
    }
    case 5: {
      const to = random.below(list.length + 1);
      list.splice(to, 0, ...list.splice(at, few));
      break;
    }
    case 6: {
      const piece = list.slice(at, at + 1 + random.below(3)).join('');
      list.splice(at, 0, piece.repeat(random.below(MAX_REPEAT)));
      break;
    }
    case 7:
      list.length = at;
      break;
    default: {
      const token = list[at] ?? '';
      const inside = random.below(token.length + 1);
      list[at] = token.slice(0, inside) + random.pick(vocabulary) + token.slice(inside + random.below(2));
    }
  }
}
