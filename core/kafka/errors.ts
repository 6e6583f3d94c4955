import { PipelineError } from '../error.ts';

/**
 * Answers of a broker after which the same records cannot succeed. Everything else (no connection, no leader, too few
 * replicas, timeouts, a topic that is not there yet) may be different at the next try.
 * Source: https://kafka.apache.org/protocol#protocol_error_codes
 */
const FINAL: ReadonlySet<string> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_REQUIRED_ACKS',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
]);

/**
 * Answers of a broker while others start, stop or take over: they say nothing about the records.
 * Source: https://kafka.apache.org/protocol#protocol_error_codes
 */
const CLUSTER_NOT_READY: ReadonlySet<string> = new Set([
  'BROKER_NOT_AVAILABLE',
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'LEADER_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'NOT_COORDINATOR',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_LEADER_OR_FOLLOWER',
  'REPLICA_NOT_AVAILABLE',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_LEADER_EPOCH',
]);

/** Enough of what a client threw to say which broker answered what. */
interface ClientError {
  readonly message?: unknown;
  readonly type?: unknown;
  readonly apiId?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** What a client threw, as one error: the deepest reasons make the message. */
export function kafkaError(what: string, caught: unknown): PipelineError {
  if (caught instanceof PipelineError) return caught;
  const reasons = [...new Set(leaves(caught, 0).map(reasonOf))];
  const permanent = leaves(caught, 0).some((leaf) => FINAL.has(nameOf(leaf)));
  return new PipelineError(`${what}: ${reasons.join('; ')}`, { permanent, cause: caught });
}

/** Whether no broker could be reached, or none that was ready to judge the records. */
export function isAbsence({ cause }: PipelineError): boolean {
  if (cause === undefined) return false;
  const names = leaves(cause, 0).map(nameOf);
  return names.every((name) => name === '' || CLUSTER_NOT_READY.has(name));
}

/** Errors of clients hold others, some of them themselves. */
const MAX_DEPTH = 8;

function leaves(caught: unknown, depth: number): ClientError[] {
  const error = (typeof caught === 'object' && caught !== null ? caught : { message: String(caught) }) as ClientError;
  const inner = [...(error.errors ?? []), ...(isError(error.cause) ? [error.cause] : [])];
  if (inner.length === 0 || depth > MAX_DEPTH) return [error];
  return inner.flatMap((one) => leaves(one, depth + 1));
}

function isError(value: unknown): boolean {
  return value instanceof Error;
}

function nameOf(error: ClientError): string {
  if (typeof error.type === 'string') return error.type;
  return typeof error.apiId === 'string' ? error.apiId : '';
}

function reasonOf(error: ClientError): string {
  const name = nameOf(error);
  const message = typeof error.message === 'string' ? error.message : '';
  const code = message === '' && typeof error.code === 'string' ? error.code : '';
  return [name, message || code].filter((part) => part !== '').join(': ') || 'unknown error';
}
