/**
 * A module of Node, loaded when it is first asked for. An import statement loads it with the program and evaluates
 * every export: of node:http that includes the WebSocket client, 13 MiB of memory for a process that serves gRPC.
 */
export const builtin = {
  get http(): typeof import('node:http') {
    return process.getBuiltinModule('node:http');
  },
  get https(): typeof import('node:https') {
    return process.getBuiltinModule('node:https');
  },
  get tls(): typeof import('node:tls') {
    return process.getBuiltinModule('node:tls');
  },
} as const;
