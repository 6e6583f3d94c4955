/**
 * Reading and editing spans where they lie, beside decoding and encoding objects. Run:
 * `node test/bench/rewrite.bench.ts`. The edit: two resource attributes upserted, of each span one attribute deleted,
 * one replaced and one inserted.
 */
import { Rewriter } from '../../core/otlp/edit/rewriter.ts';
import { Groups } from '../../core/otlp/readers/groups.ts';
import { SpanReader } from '../../core/otlp/readers/span.ts';
import { split } from '../../core/otlp/split.ts';
import { decodeTree, encodeTree } from '../../core/otlp/tree.ts';
import { encodeValue } from '../../core/otlp/value-encode.ts';
import { Telemetry } from '../../core/telemetry/telemetry.ts';
import { nanosPerSpan, report, SPANS, sampleRequest } from './sample-request.ts';

const request = sampleRequest();
const batch = Telemetry.of('traces', request, SPANS);
const key = (text: string) => Buffer.from(text);
const [environment, collector, thread, user, region, method] = [
  key('deployment.environment'),
  key('collector.name'),
  key('thread.name'),
  key('user.id'),
  key('bench.region'),
  key('http.request.method'),
];
const [bench, edge, hidden, west] = ['bench', 'edge-1', 'x'.repeat(64), 'eu-west-1'].map(encodeValue) as Buffer[];

const editor = new Rewriter({
  resource(resource) {
    resource.attributes.upsert(environment as Buffer, bench as Buffer);
    resource.attributes.upsert(collector as Buffer, edge as Buffer);
  },
  span({ attributes }) {
    attributes.delete(thread as Buffer);
    attributes.update(user as Buffer, hidden as Buffer);
    attributes.insert(region as Buffer, west as Buffer);
    return true;
  },
});

const groups = new Groups();
const span = new SpanReader();

function read(): number {
  let found = 0;
  groups.open(batch);
  while (groups.nextResource()) {
    while (groups.nextScope()) {
      while (groups.nextMember()) {
        span.read(groups.buffer, groups.memberStart, groups.memberEnd);
        if (span.durationNanos > 0 && span.attributes.find(method as Buffer)) found++;
      }
    }
  }
  return found;
}

if (read() !== SPANS) throw new Error('the sample is not what it should be');

const reading = nanosPerSpan(read);
const editing = nanosPerSpan(() => editor.rewrite(batch.retain()).release());
const splitting = nanosPerSpan(() => {
  for (const part of split(batch.retain(), SPANS / 2)) part.release();
});
const objects = nanosPerSpan(() => encodeTree('traces', decodeTree('traces', batch)));

report('read: times and one attribute', reading, reading);
report('split in two', splitting, reading);
report('edit: resource and attributes', editing, reading);
report('decode to objects and encode again', objects, reading);
