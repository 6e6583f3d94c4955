import { Groups } from '../../otlp/readers/groups.ts';
import { LogRecordReader } from '../../otlp/readers/log-record.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import { NativeBlock } from '../native/block.ts';
import { logsTable } from '../schema/otel.ts';
import { attributesColumn, constant } from './attributes.ts';
import { Origin } from './origin.ts';
import type { Rows } from './rows.ts';

/** Log records as rows of `logsTable`. */
export function otelLogs(json: boolean): Rows {
  const block = new NativeBlock(logsTable(json, false));
  const groups = new Groups();
  const origin = new Origin(groups);
  const record = new LogRecordReader();
  const appendRecord = recordColumns(block, record, json);
  const service = block.string('ServiceName');
  const resourceSchema = block.string('ResourceSchemaUrl');
  const resource = attributesColumn(block, 'ResourceAttributes', json);
  const scopeSchema = block.string('ScopeSchemaUrl');
  const scopeName = block.string('ScopeName');
  const scopeVersion = block.string('ScopeVersion');
  const scope = attributesColumn(block, 'ScopeAttributes', json);

  function append(batch: Telemetry): void {
    groups.open(batch);
    while (groups.nextResource()) {
      while (groups.nextScope()) {
        let rows = 0;
        for (; groups.nextMember(); rows++) {
          record.read(groups.buffer, groups.memberStart, groups.memberEnd);
          appendRecord();
        }
        if (rows === 0) continue;
        origin.readScope();
        constant(service, rows, (column) => origin.appendServiceName(column));
        constant(resourceSchema, rows, (column) => origin.appendResourceSchema(column));
        constant(resource, rows, (column) => column.append(origin.resource));
        constant(scopeSchema, rows, (column) => origin.appendScopeSchema(column));
        constant(scopeName, rows, (column) => origin.appendScopeName(column));
        constant(scopeVersion, rows, (column) => origin.appendScopeVersion(column));
        constant(scope, rows, (column) => column.append(origin.scope.attributes));
        block.rows += rows;
      }
    }
  }
  return { append, blocks: [{ table: 'logs', block }] };
}

/** What differs from record to record. */
function recordColumns(block: NativeBlock, record: LogRecordReader, json: boolean): () => void {
  const time = block.number('Timestamp');
  const traceId = block.string('TraceId');
  const spanId = block.string('SpanId');
  const flags = block.number('TraceFlags');
  const severityText = block.string('SeverityText');
  const severityNumber = block.number('SeverityNumber');
  const body = block.string('Body');
  const attributes = attributesColumn(block, 'LogAttributes', json);
  const eventName = block.string('EventName');
  return () => {
    const { buffer } = record;
    time.bits64(buffer, isSet(buffer, record.timeAt) ? record.timeAt : record.observedTimeAt);
    traceId.id(buffer, record.traceIdAt, 16);
    spanId.id(buffer, record.spanIdAt, 8);
    flags.byte(record.flags);
    severityText.range(buffer, record.severityTextStart, record.severityTextEnd);
    severityNumber.byte(record.severityNumber);
    body.value(buffer, record.bodyStart, record.bodyEnd);
    attributes.append(record.attributes);
    eventName.range(buffer, record.eventNameStart, record.eventNameEnd);
  };
}

function isSet(buffer: Buffer, at: number): boolean {
  return at >= 0 && (buffer.readUInt32LE(at) !== 0 || buffer.readUInt32LE(at + 4) !== 0);
}
