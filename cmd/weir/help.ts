import { COMMANDS, FLAGS } from './args.ts';
import { BUILD } from './build-info.ts';

/** How to use a command, or, without one, the program. */
export function helpText(command: string): string {
  const known = Object.hasOwn(COMMANDS, command) ? command : '';
  const flags = Object.entries(FLAGS).filter(([, flag]) => flag.only?.includes(known || 'run') ?? true);
  const flagRows = flags.map(([name, { kind, doc }]) => row(`--${name}${kind === 'bool' ? '' : ` ${kind}`}`, doc));
  if (known !== '' && known !== 'run') {
    return `${COMMANDS[known]}.\n\nUsage:\n  weir ${known} [flags]\n\nFlags:\n${flagRows.join('')}`;
  }
  const commandRows = Object.entries(COMMANDS).map(([name, doc]) => row(name, doc));
  return [
    `${BUILD.description}.\n\nUsage:\n  weir --config file.yaml [flags]\n  weir [command]\n`,
    `\nCommands:\n${commandRows.join('')}`,
    `\nFlags:\n${flagRows.join('')}`,
  ].join('');
}

function row(name: string, doc: string): string {
  return `  ${name.padEnd(22)} ${doc}.\n`;
}
