import { type ConfigNode, foundText } from '../../core/config/node.ts';
import { EXPANSION, mismatch, stringOf } from '../../core/config/scalars.ts';
import { type Decoder, type JsonSchema, Schema } from '../../core/config/schema.ts';
import { METRICS_LEVELS, type MetricsLevel } from '../telemetry/types.ts';

const DEFAULT: MetricsLevel = 'normal';

/**
 * The name of a level, in any case, or its number: Go counts them from -1 for `none`, reads any number and only ever
 * asks whether it is at least that of a level.
 */
class LevelSchema extends Schema<MetricsLevel> {
  readonly typeName = 'configtelemetry.Level';

  absent(): MetricsLevel {
    return DEFAULT;
  }
  zero(): MetricsLevel {
    return DEFAULT;
  }
  decode(node: ConfigNode, decoder: Decoder): MetricsLevel {
    if (node.kind !== 'scalar') {
      mismatch(node, this.typeName, decoder);
      return DEFAULT;
    }
    if (node.value === null && (node.text ?? '') === '') return DEFAULT;
    if (typeof node.value === 'number' || typeof node.value === 'bigint') return levelAt(Number(node.value));
    const text = stringOf(node);
    const level = METRICS_LEVELS.find((name) => name === text?.toLowerCase());
    if (level !== undefined) return level;
    if (text === undefined) mismatch(node, this.typeName, decoder);
    else this.#unknown(text, node, decoder);
    return DEFAULT;
  }
  #unknown(text: string, node: ConfigNode, decoder: Decoder): void {
    const found = foundText(node);
    const hint = `one of: ${METRICS_LEVELS.join(', ')}`;
    const message = `unknown metrics level ${JSON.stringify(text)}`;
    decoder.fault(node.at, message, found === undefined ? { hint } : { found, hint });
  }
  jsonSchema(): JsonSchema {
    return { anyOf: [{ type: ['string', 'number', 'null'] }, EXPANSION] };
  }
}

function levelAt(number: number): MetricsLevel {
  const index = Math.trunc(number) + 1;
  return METRICS_LEVELS[Math.max(0, Math.min(index, METRICS_LEVELS.length - 1))] ?? DEFAULT;
}

/** A `level` under `service::telemetry`. */
export const telemetryLevel = (doc: string): Schema<MetricsLevel> => new LevelSchema(doc);
