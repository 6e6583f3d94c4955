export const STRATEGIES = ['range', 'roundrobin'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface GroupMember {
  readonly id: string;
  readonly topics: readonly string[];
}

/**
 * Divides the partitions of each topic among the members that asked for it: `range` gives each a stretch, `roundrobin`
 * one after the other, going on where the topic before ended. Members of one group may want different topics.
 */
export function assign(
  members: readonly GroupMember[],
  partitionsOf: (topic: string) => number,
  strategy: Strategy,
): Map<string, Map<string, number[]>> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const assigned = new Map(sorted.map(({ id }) => [id, new Map<string, number[]>()]));
  const topics = [...new Set(sorted.flatMap((member) => member.topics))].sort();
  let turn = 0;
  for (const topic of topics) {
    const takers = sorted.filter((member) => member.topics.includes(topic));
    const count = partitionsOf(topic);
    for (let partition = 0; partition < count; partition++) {
      const at = strategy === 'range' ? Math.floor((partition * takers.length) / count) : turn++ % takers.length;
      const mine = assigned.get(takers[at]?.id ?? '');
      mine?.set(topic, [...(mine.get(topic) ?? []), partition]);
    }
  }
  return assigned;
}
