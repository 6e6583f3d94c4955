/**
 * A span of Zipkin, version 2, whatever it is encoded in. Times are nanoseconds.
 * Source: https://zipkin.io/zipkin-api
 */
export interface ZipkinSpan {
  /** 16 bytes. */
  traceId: Buffer;
  /** 8 bytes. */
  id: Buffer;
  /** 8 bytes; undefined and all zero are none. */
  parentId: Buffer | undefined;
  name: string;
  /** CLIENT, SERVER, PRODUCER or CONSUMER; anything else is none of them. */
  kind: string;
  /** Since 1970; undefined where there is none. */
  timestamp: bigint | undefined;
  duration: bigint;
  localEndpoint: ZipkinEndpoint | undefined;
  remoteEndpoint: ZipkinEndpoint | undefined;
  annotations: { timestamp: bigint; value: string }[];
  tags: Map<string, string>;
}

export interface ZipkinEndpoint {
  serviceName: string;
  /** 4 or 16 bytes. */
  ipv4: Buffer | undefined;
  /** 16 bytes. */
  ipv6: Buffer | undefined;
  port: number;
}

/** The service of spans that do not name theirs. */
export const NO_SERVICE = 'OTLPResourceNoServiceName';
/** The attribute that the service is named after, where it is not service.name. */
export const NAME_SOURCE = 'otlp.service.name.source';
/** Attribute of a span without a time. */
export const NO_START_TIME = 'otel.zipkin.absentField.startTime';
