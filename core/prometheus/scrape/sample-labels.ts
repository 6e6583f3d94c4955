import { type Label, type Labels, LabelsBuilder, labelsText, labelValue, METRIC_NAME } from '../labels.ts';
import { isLabelName, isMetricName, type NameScheme } from '../names-valid.ts';
import { PageError } from '../parse/page.ts';
import type { Relabeling } from '../relabel.ts';

/** What happens to the labels of a target's samples. */
export interface SampleLabels {
  /** The target's own labels, without reserved ones. */
  readonly target: Labels;
  /** Labels of the page win over those of the target; otherwise they are renamed. */
  readonly honorLabels: boolean;
  /** Undefined for no rules. */
  readonly relabel: Relabeling | undefined;
}

export interface LabelLimits {
  /** 0 is no limit. */
  readonly count: number;
  /** Bytes. */
  readonly nameLength: number;
  readonly valueLength: number;
}

/** The labels of a sample with those of its target, relabeled; undefined where it is dropped. */
export function sampleLabels(page: Labels, { target, honorLabels, relabel }: SampleLabels): Labels | undefined {
  const plain = relabel === undefined ? merged(page, target) : undefined;
  if (plain !== undefined) return plain;
  const builder = new LabelsBuilder(page);
  const conflicts: (readonly [string, string])[] = [];
  for (const [name, value] of target) {
    const exposed = labelValue(page, name);
    if (honorLabels) {
      if (!page.some(([label]) => label === name)) builder.set(name, value);
      continue;
    }
    if (exposed !== '') conflicts.push([name, exposed]);
    builder.set(name, value);
  }
  // the shorter name first: the longer one may be what it would be renamed to
  for (const [name, value] of conflicts.sort(([a], [b]) => a.length - b.length)) {
    let renamed = `exported_${name}`;
    while (builder.get(renamed) !== '') renamed = `exported_${renamed}`;
    builder.set(renamed, value);
  }
  if (relabel !== undefined && !relabel(builder)) return undefined;
  const labels = builder.labels();
  return labels.length === 0 ? undefined : labels;
}

/** Both together; undefined where they have a name in common or a value is empty, so that it takes more thought. */
function merged(page: Labels, target: Labels): Labels | undefined {
  const result: Label[] = [];
  let next = 0;
  for (const label of page) {
    const [name, value] = label;
    for (let own = target[next]; own !== undefined && own[0] <= name; own = target[++next]) {
      if (own[0] === name) return undefined;
      result.push(own);
    }
    if (value === '') return undefined;
    result.push(label);
  }
  for (; next < target.length; next++) result.push(target[next] as Label);
  return result;
}

/** Throws where labels after relabeling cannot be accepted: a LabelLimitError or a PageError. */
export function checkLabels(labels: Labels, scheme: NameScheme, limits: LabelLimits): void {
  const metric = labelValue(labels, METRIC_NAME);
  if (!labels.some(([name]) => name === METRIC_NAME)) throw new PageError(`missing metric name (${METRIC_NAME} label)`);
  if (!isMetricName(metric, scheme) || labels.some(([name]) => !isLabelName(name, scheme))) {
    throw new PageError(`invalid metric name or label names: ${labelsText(labels)}`);
  }
  checkLimits(labels, metric.slice(0, 50), limits);
}

/** The fault of labels that are over a limit. */
export class LabelLimitError extends Error {
  override readonly name = 'LabelLimitError';
}

function checkLimits(labels: Labels, metric: string, { count, nameLength, valueLength }: LabelLimits): void {
  if (count > 0 && labels.length > count) {
    throw new LabelLimitError(
      `label_limit exceeded (metric: ${metric}, number of labels: ${labels.length}, limit: ${count})`,
    );
  }
  for (const [name, value] of labels) {
    const bytes = Buffer.byteLength(name);
    if (nameLength > 0 && bytes > nameLength) {
      throw new LabelLimitError(
        `label_name_length_limit exceeded (metric: ${metric}, label name: ${name.slice(0, 50)}, ` +
          `length: ${bytes}, limit: ${nameLength})`,
      );
    }
    const size = Buffer.byteLength(value);
    if (valueLength > 0 && size > valueLength) {
      throw new LabelLimitError(
        `label_value_length_limit exceeded (metric: ${metric}, label name: ${name.slice(0, 50)}, ` +
          `value: ${JSON.stringify(value.slice(0, 50))}, length: ${size}, limit: ${valueLength})`,
      );
    }
  }
}
