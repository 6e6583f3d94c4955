import { PipelineError } from '../error.ts';

/**
 * What a failed insert means: `retry` where the same again may succeed, once the server is well or an operator has set
 * it right; `rows` where something in the data is refused, so that fewer rows may go through.
 */
export type Verdict = 'retry' | 'rows';

/**
 * The codes of the engine that are about the data. All others are about the server, its settings or its tables, and
 * heal or are healed: 159 timeout, 164 and 242 read-only, 202 too many queries, 210 network, 241 memory limit, 243 no
 * space, 252 too many parts, 285 and 319 replicas, 425 system error; 16, 60, 81 missing columns, tables and databases;
 * 192, 193, 497, 516 users and rights.
 * Source: src/Common/ErrorCodes.cpp of ClickHouse.
 */
const ABOUT_ROWS: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  33, // CANNOT_READ_ALL_DATA
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  376, // CANNOT_PARSE_UUID
  395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, in a materialized view or a default
  407, // DECIMAL_OVERFLOW
  467, // CANNOT_PARSE_BOOL
  469, // VIOLATED_CONSTRAINT
  675, // CANNOT_PARSE_IPV4
  676, // CANNOT_PARSE_IPV6
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);

/** One code for two things: a table with too many parts, and a block that goes into too many partitions. */
const TOO_MANY_PARTS = 252;
const TOO_MANY_PARTITIONS = /single INSERT block/;

/** A body larger than a proxy on the way lets through: half of it may pass. */
const PAYLOAD_TOO_LARGE = 413;

export interface Failure {
  /** The status of HTTP, where there was an answer. */
  readonly status?: number;
  /** The code of the engine, where the caller knows it better than by the message. */
  readonly number?: number | undefined;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** A refusal by ClickHouse, or no answer from it. It is permanent where retrying the same rows is of no use. */
export class ClickHouseError extends PipelineError {
  /** The code of the engine; 0 where the error is none of its own. */
  readonly number: number;
  readonly verdict: Verdict;

  constructor(message: string, { status, number = codeOf(message), retryAfterMs, cause }: Failure = {}) {
    const verdict = verdictOn(number, status, message);
    super(message, {
      permanent: verdict === 'rows',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(cause === undefined ? {} : { cause }),
    });
    this.number = number;
    this.verdict = verdict;
  }
}

function verdictOn(number: number, status: number | undefined, message: string): Verdict {
  if (number === TOO_MANY_PARTS && TOO_MANY_PARTITIONS.test(message)) return 'rows';
  if (number === 0 && status === PAYLOAD_TOO_LARGE) return 'rows';
  return ABOUT_ROWS.has(number) ? 'rows' : 'retry';
}

/** Exceptions begin with `Code: 241. DB::Exception: …`. */
function codeOf(message: string): number {
  return Number(/\bCode: (\d+)\b/.exec(message)?.[1] ?? 0);
}
