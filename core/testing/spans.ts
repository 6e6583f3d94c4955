import { decodeJson } from '../otlp/json/decode.ts';
import { decodeTree } from '../otlp/tree.ts';
import { EMPTY_CONTEXT, type RequestContext } from '../telemetry/context.ts';
import { Telemetry } from '../telemetry/telemetry.ts';

/** A batch with a span of each name, in one resource with these attributes. */
export function spanBatch(
  names: readonly string[],
  attributes: Readonly<Record<string, string>> = {},
  context: RequestContext = EMPTY_CONTEXT,
): Telemetry {
  const resource = {
    attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
  };
  const request = { resourceSpans: [{ resource, scopeSpans: [{ spans: names.map((name) => ({ name })) }] }] };
  const { bytes, items } = decodeJson('traces', Buffer.from(JSON.stringify(request)));
  return Telemetry.of('traces', bytes, items, context);
}

/** The names of the spans, in order. */
export function spanNames(batch: Telemetry): string[] {
  return decodeTree('traces', batch).resourceSpans.flatMap((resource) =>
    resource.scopeSpans.flatMap((scope) => scope.spans.map((span) => span.name)),
  );
}

/** The context of a request with this metadata. */
export function contextWith(metadata: Readonly<Record<string, readonly string[]>>): RequestContext {
  return { transport: 'http', metadata: new Map(Object.entries(metadata)) };
}

/** Whether all references to the batch were given up. */
export function isReleased(batch: Telemetry): boolean {
  try {
    batch.retain();
  } catch {
    return true;
  }
  batch.release();
  return false;
}
