import type { ConfigNode } from '../config/node.ts';
import { int } from '../config/numbers.ts';
import { type Decoder, type JsonSchema, type Report, Schema } from '../config/schema.ts';

const LEADER = 1;
const ALL = -1;

/** -1, 0 or 1, of which -1 may be written `all`. */
class RequiredAcks extends Schema<number> {
  readonly typeName = 'configkafka.RequiredAcks';
  readonly #number: Schema<number>;

  constructor(doc: string) {
    super(doc);
    this.#number = int(doc, LEADER, 'int');
  }

  absent(): number {
    return LEADER;
  }
  zero(): number {
    return 0;
  }
  decode(node: ConfigNode, decoder: Decoder): number {
    if (node.kind === 'scalar' && node.value === 'all') return ALL;
    return this.#number.decode(node, decoder);
  }
  override validate(value: number, path: string, report: Report): void {
    if (value < ALL || value > LEADER) report(path, `expected 'all' (-1), 0, or 1; configured value is ${value}`);
  }
  jsonSchema(): JsonSchema {
    return { anyOf: [{ enum: ['all', ALL, 0, LEADER, null] }, { type: 'string', pattern: '\\$\\{' }] };
  }
}

export const requiredAcks = (doc: string): Schema<number> => new RequiredAcks(doc);
