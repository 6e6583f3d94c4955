/**
 * Messages inside one another, the request included, in protobuf and in JSON alike: what came in one way can leave the
 * other. A list in an attribute takes two, a map three. The collector has no limit; ours bounds the recursion of
 * whatever reads a value, which takes a few hundred bytes of a stack of 984 KiB for each.
 */
export const MAX_NESTING = 1000;
