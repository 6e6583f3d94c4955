import type { TlsOptions } from 'node:tls';
import type { Settings } from '../../core/component.ts';
import type { Consumer, Outputs } from '../../core/consumer.ts';
import { PipelineError } from '../../core/error.ts';
import { grpcDecompressors } from '../../core/grpc/decompressors.ts';
import { GrpcError } from '../../core/grpc/grpc-error.ts';
import type { Endpoint, GrpcServerOptions, UnaryCall, UnaryHandler } from '../../core/grpc/types.ts';
import { EXPORT_METHOD } from '../../core/otlp/methods.ts';
import { encodeExportResponse } from '../../core/otlp/service.ts';
import { encodeStatus } from '../../core/otlp/status.ts';
import { SIGNALS, type Signal } from '../../core/signal.ts';
import type { GrpcConfig } from './config.ts';
import { contextSource, type Guards, gate, ingest, limitCounter } from './ingest.ts';

const SUCCESS = encodeExportResponse();
const MIB = 1024 * 1024;

/** The server for `protocols.grpc`: the Export methods of the signals that a pipeline wants. */
export function grpcOptions(
  settings: Settings,
  config: GrpcConfig,
  outputs: Outputs,
  endpoint: Endpoint,
  tls: TlsOptions | undefined,
  guards: Guards,
): GrpcServerOptions {
  const methods = new Map<string, UnaryHandler>();
  for (const signal of SIGNALS) {
    const consumer = outputs.for(signal);
    if (consumer !== undefined) methods.set(EXPORT_METHOD[signal], exportHandler(signal, consumer, config));
  }
  const parameters = config.keepalive?.server_parameters;
  const enforcement = config.keepalive?.enforcement_policy;
  return {
    endpoint,
    tls,
    methods,
    maxReceiveMessageBytes: config.max_recv_msg_size_mib === 0 ? undefined : config.max_recv_msg_size_mib * MIB,
    maxConcurrentStreams: config.max_concurrent_streams || undefined,
    keepalive: parameters && {
      maxConnectionIdleMs: parameters.max_connection_idle || undefined,
      maxConnectionAgeMs: parameters.max_connection_age || undefined,
      maxConnectionAgeGraceMs: parameters.max_connection_age_grace || undefined,
      timeMs: parameters.time || undefined,
      timeoutMs: parameters.timeout || undefined,
    },
    enforcement: enforcement && {
      minTimeMs: enforcement.min_time || undefined,
      permitWithoutStream: enforcement.permit_without_stream,
    },
    decompressors: grpcDecompressors,
    authenticate: grpcGate(guards),
    onError: (error) => settings.logger.debug('Connection failed', { error }),
    maxConnections: config.max_connections,
    onLimit: limitCounter(settings, 'grpc'),
    clock: settings.clock,
  };
}

/** Runs before a message is kept; undefined where everybody may send. */
function grpcGate(guards: Guards): GrpcServerOptions['authenticate'] {
  const pass = gate<UnaryCall>(guards, (call) => call.headers());
  if (pass === undefined) return undefined;
  return (call) => {
    try {
      const auth = pass(call);
      return auth instanceof Promise ? auth.catch(refused) : auth;
    } catch (error) {
      return refused(error);
    }
  };
}

/** A PipelineError has a status of its own. */
function refused(error: unknown): never {
  throw error instanceof PipelineError ? failureOf(error) : error;
}

function exportHandler(signal: Signal, consumer: Consumer, config: GrpcConfig): UnaryHandler {
  const contextOf = contextSource('grpc', config.include_metadata);
  return (call) => {
    try {
      const pending = ingest(signal, consumer, call.message, contextOf(call, call.auth), call);
      if (pending === undefined) call.reply(SUCCESS);
      else
        pending.then(
          () => call.reply(SUCCESS),
          (error) => refuse(call, error),
        );
    } catch (error) {
      refuse(call, error);
    }
  };
}

function refuse(call: UnaryCall, caught: unknown): void {
  call.fail(failureOf(PipelineError.from(caught)));
}

function failureOf({ code, answer, retryAfterMs }: PipelineError): GrpcError {
  const details = retryAfterMs === undefined ? undefined : encodeStatus({ code, message: answer, retryAfterMs });
  return new GrpcError(code, answer, details);
}
