import { bool, type Infer, int, maybe, oneOf, stringList, struct } from '../../core/config/fields.ts';
import type { ConfigNode } from '../../core/config/node.ts';
import { queue, sendingQueue } from '../../core/config/sections/queue.ts';

const verbosityFault = (found: string) =>
  found.toLowerCase() === 'none' ? 'verbosity level "None" is not supported' : `unknown metrics level "${found}"`;

/** `loglevel` of the logging exporter, which came before this one. */
function verbosityOf(node: ConfigNode): ConfigNode {
  const level = node.kind === 'scalar' ? String(node.value).toLowerCase() : '';
  const value = level === 'debug' ? 'detailed' : level === 'info' ? 'normal' : 'basic';
  return { kind: 'scalar', value, at: node.at };
}

export const config = struct(
  'debugexporter.Config',
  'What to print and where.',
  {
    verbosity: oneOf(
      'basic: one line with the counts of each batch; normal: in addition a line per item; detailed: every field.',
      ['basic', 'normal', 'detailed'],
      'basic',
      verbosityFault,
      { ignoreCase: true },
    ),
    sampling_initial: int('So many equal messages are printed each second.', 2, 'int'),
    sampling_thereafter: int('Of further ones every so manieth is printed; 1 prints all, 0 none.', 1, 'int'),
    use_internal_logger: bool("Whether the output goes to weir's own log; else it is printed without time.", true),
    output_paths: maybe(
      stringList('Files to append to, or stdout and stderr; only without the internal logger. Default: stdout.'),
    ),
    sending_queue: sendingQueue(queue, false),
  },
  {
    legacy: { loglevel: { standard: 'verbosity', convert: verbosityOf } },
    validate(value, path, report) {
      if (value.use_internal_logger && value.output_paths !== undefined) {
        report(path, 'output_paths is not supported when use_internal_logger is true');
      }
      if (!value.use_internal_logger && value.output_paths?.length === 0) {
        report(path, 'output_paths must not be empty when use_internal_logger is false');
      }
    },
  },
);
export type Config = Infer<typeof config>;
