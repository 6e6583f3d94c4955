import type { Signal } from '../signal.ts';
import { bytesField, readFields, stringField, varintField } from './fields.ts';
import { transcodeJson } from './json/decode.ts';
import { EXPORT_RESPONSE } from './schema.ts';

/**
 * The answer to an export request, in which a server may say that it took only a part:
 *
 *   Export{Trace,Metrics,Logs}ServiceResponse { PartialSuccess partial_success = 1 }
 *   PartialSuccess { int64 rejected_{spans,data_points,log_records} = 1; string error_message = 2 }
 *
 * No rejected items with a message is a warning. In binary the three responses are the same.
 */
export interface PartialSuccess {
  readonly rejected: number;
  readonly errorMessage: string;
}

/** What a server answers that took everything. The collector writes the empty message, so do we. */
export const FULL_SUCCESS: PartialSuccess = Object.freeze({ rejected: 0, errorMessage: '' });

const REJECTED_NAME: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
};

export function encodeExportResponse(partial: PartialSuccess = FULL_SUCCESS): Buffer {
  const rejected = varintField(1, BigInt(partial.rejected));
  return bytesField(1, Buffer.concat([rejected, stringField(2, partial.errorMessage)]));
}

/** Throws WireError where the bytes are no such message. */
export function decodeExportResponse(bytes: Buffer): PartialSuccess {
  let partial = FULL_SUCCESS;
  for (const { number, value } of readFields(bytes)) {
    if (number === 1 && typeof value !== 'bigint') partial = readPartialSuccess(value);
  }
  return partial;
}

function readPartialSuccess(bytes: Buffer): PartialSuccess {
  let rejected = 0;
  let errorMessage = '';
  for (const { number, value } of readFields(bytes)) {
    if (number === 1 && typeof value === 'bigint') rejected = Number(BigInt.asIntN(64, value));
    else if (number === 2 && typeof value !== 'bigint') errorMessage = value.toString();
  }
  return { rejected, errorMessage };
}

export function encodeExportResponseJson(signal: Signal, partial: PartialSuccess = FULL_SUCCESS): Buffer {
  const partialSuccess = {
    // an int64 is a string in JSON; undefined is left out
    [REJECTED_NAME[signal]]: partial.rejected === 0 ? undefined : String(partial.rejected),
    errorMessage: partial.errorMessage || undefined,
  };
  return Buffer.from(JSON.stringify({ partialSuccess }));
}

/** Throws JsonError where the text is no such message. */
export function decodeExportResponseJson(signal: Signal, json: Buffer): PartialSuccess {
  return decodeExportResponse(transcodeJson(EXPORT_RESPONSE[signal], json));
}
