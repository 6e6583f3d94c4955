import { ConfigError } from '../../core/config/fault.ts';
import type { Sources } from '../../service/config/load.ts';
import type { ServiceConfig } from '../../service/config/types.ts';
import { type Arguments, parseArguments } from './args.ts';
import { BUILD } from './build-info.ts';
import { type Terminal, UsageError } from './terminal.ts';

/**
 * Runs pipelines until they end; resolves with the exit code. `load` reads the configuration anew on each call and puts
 * what it read into `sources`.
 */
export type Run = (load: () => Promise<ServiceConfig>, args: Arguments, sources: Sources) => Promise<number>;

/** Does what the command line says and resolves with the exit code. Commands load their code when they are called. */
export async function cli(argv: readonly string[], terminal: Terminal, run: Run): Promise<number> {
  const args = parseArguments(argv, terminal.env);
  const sources: Sources = new Map();
  try {
    if ('error' in args) throw new UsageError(`${args.error}\nRun 'weir help' for usage.`);
    return await command(args, terminal, run, sources);
  } catch (error) {
    if (error instanceof ConfigError) {
      const { renderConfigError } = await import('../../service/config/render.ts');
      terminal.stderr(renderConfigError(error, sources));
    } else terminal.stderr(`Error: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function command(args: Arguments, terminal: Terminal, run: Run, sources: Sources): Promise<number> {
  if (args.version) {
    terminal.stdout(`${BUILD.command} version ${BUILD.version}\n`);
    return 0;
  }
  if (args.help || args.command === 'help') {
    const { helpText } = await import('./help.ts');
    terminal.stdout(helpText(args.command === 'help' ? (args.operands[0] ?? '') : args.command));
    return 0;
  }
  const text = await output(args, terminal, sources);
  if (text !== undefined) {
    terminal.stdout(text);
    return 0;
  }
  refuseOperands(args, 0);
  const { load } = await import('./load.ts');
  return run(async () => (await load(args, terminal, sources)).config, args, sources);
}

/** What a command prints; undefined for `run`. */
async function output(args: Arguments, terminal: Terminal, sources: Sources): Promise<string | undefined> {
  switch (args.command) {
    case 'validate':
      refuseOperands(args, 0);
      return (await import('./validate.ts')).validate(args, terminal, sources);
    case 'print-config':
      refuseOperands(args, 0);
      return (await import('./print-config.ts')).printConfig(args, terminal, sources);
    case 'components':
      refuseOperands(args, 0);
      return (await import('./components.ts')).listComponents(args);
    case 'schema':
      refuseOperands(args, 0);
      return (await import('./schema.ts')).printSchema(args);
    case 'explain':
      refuseOperands(args, 1);
      return (await import('./explain.ts')).explain(args);
    case 'featuregate':
      refuseOperands(args, 1);
      return (await import('./featuregate.ts')).showFeatureGates(args.operands[0]);
    case 'topics':
      refuseOperands(args, 1);
      return (await import('./topics.ts')).topics(args, terminal, sources);
    case 'clickhouse':
      refuseOperands(args, 1);
      return (await import('./clickhouse.ts')).clickhouse(args, terminal, sources);
    case 'query':
      refuseOperands(args, 1);
      return (await import('./query.ts')).query(args, terminal, sources);
    default:
      return undefined;
  }
}

function refuseOperands(args: Arguments, most: number): void {
  const { length } = args.operands;
  if (length > most) throw new UsageError(`${args.command} accepts ${most} arg(s), received ${length}`);
}
