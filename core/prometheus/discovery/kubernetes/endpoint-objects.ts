import {
  type KubernetesObject,
  type Labels,
  labelsAt,
  listAt,
  maybeBoolAt,
  maybeNumberAt,
  maybeTextAt,
  metaOf,
  type Port,
  portOf,
  type Reference,
  referenceAt,
  textAt,
  textsAt,
} from './objects.ts';

export interface EndpointAddress {
  readonly ip: string;
  readonly hostname: string;
  readonly nodeName: string | undefined;
  readonly ref: Reference | undefined;
  readonly ready: boolean;
}

export interface Endpoints extends KubernetesObject {
  readonly subsets: readonly { readonly addresses: readonly EndpointAddress[]; readonly ports: readonly Port[] }[];
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean | undefined;
  readonly serving: boolean | undefined;
  readonly terminating: boolean | undefined;
  readonly hostname: string | undefined;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  readonly ref: Reference | undefined;
  readonly topology: Labels;
}

export interface SlicePort {
  readonly name: string | undefined;
  readonly number: number | undefined;
  readonly protocol: string | undefined;
  readonly appProtocol: string | undefined;
}

export interface EndpointSlice extends KubernetesObject {
  readonly addressType: string;
  readonly endpoints: readonly SliceEndpoint[];
  readonly ports: readonly SlicePort[];
}

export function endpointsOf(json: unknown): Endpoints {
  const address = (item: unknown, ready: boolean): EndpointAddress => ({
    ip: textAt(item, 'ip'),
    hostname: textAt(item, 'hostname'),
    nodeName: maybeTextAt(item, 'nodeName'),
    ref: referenceAt(item, 'targetRef'),
    ready,
  });
  return {
    meta: metaOf(json),
    subsets: listAt(json, 'subsets').map((subset) => ({
      addresses: [
        ...listAt(subset, 'addresses').map((item) => address(item, true)),
        ...listAt(subset, 'notReadyAddresses').map((item) => address(item, false)),
      ],
      ports: listAt(subset, 'ports').map((port) => portOf(port, 'port')),
    })),
  };
}

export function endpointSliceOf(json: unknown): EndpointSlice {
  return {
    meta: metaOf(json),
    addressType: textAt(json, 'addressType'),
    endpoints: listAt(json, 'endpoints').map((item) => ({
      addresses: textsAt(item, 'addresses'),
      ready: maybeBoolAt(item, 'conditions', 'ready'),
      serving: maybeBoolAt(item, 'conditions', 'serving'),
      terminating: maybeBoolAt(item, 'conditions', 'terminating'),
      hostname: maybeTextAt(item, 'hostname'),
      nodeName: maybeTextAt(item, 'nodeName'),
      zone: maybeTextAt(item, 'zone'),
      ref: referenceAt(item, 'targetRef'),
      topology: labelsAt(item, 'deprecatedTopology'),
    })),
    ports: listAt(json, 'ports').map((port) => ({
      name: maybeTextAt(port, 'name'),
      number: maybeNumberAt(port, 'port'),
      protocol: maybeTextAt(port, 'protocol'),
      appProtocol: maybeTextAt(port, 'appProtocol'),
    })),
  };
}
