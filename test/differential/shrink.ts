import { compare, type Difference } from './compare.ts';
import type { Request } from './program.ts';
import type { ConfigMap, ConfigValue, Stage } from './stage.ts';

const MAX_ROUNDS = 8;

/** The smallest configuration, and the one request if one is enough, with which there is still a difference. */
export async function shrink(
  stage: Stage,
  difference: Difference,
  requests: readonly Request[],
): Promise<{ readonly difference: Difference; readonly requests: readonly Request[] }> {
  let smallest = difference;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { pipeline } = smallest;
    const smaller = smallerValues(pipeline.config).map((config) => ({ ...pipeline, config: config as ConfigMap }));
    const found = (await compare(stage, smaller, requests)).filter(({ what }) => !what.startsWith('only '));
    const [next] = found.sort((a, b) => sizeOf(a) - sizeOf(b));
    if (next === undefined) break;
    smallest = next;
  }
  for (const request of requests.filter(({ signal }) => signal === smallest.pipeline.signal)) {
    const [still] = await compare(stage, [smallest.pipeline], [request]);
    if (still !== undefined) return { difference: still, requests: [request] };
  }
  return { difference: smallest, requests };
}

function sizeOf({ pipeline }: Difference): number {
  return JSON.stringify(pipeline.config).length;
}

/** The value with one member, at any depth, left out. */
function smallerValues(value: ConfigValue): ConfigValue[] {
  if (Array.isArray(value)) {
    return value.flatMap((member: ConfigValue, i) => [
      value.toSpliced(i, 1),
      ...smallerValues(member).map((smaller) => value.with(i, smaller)),
    ]);
  }
  if (typeof value !== 'object' || value === null) return [];
  const map = value as ConfigMap;
  return Object.keys(map).flatMap((key) => {
    const { [key]: member, ...rest } = map;
    return [rest, ...smallerValues(member as ConfigValue).map((smaller) => ({ ...map, [key]: smaller }))];
  });
}
