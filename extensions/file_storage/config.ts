import { statSync } from 'node:fs';
import { bool, duration, type Infer, int, type Report, string, struct } from '../../core/config/fields.ts';

const DEFAULT_DIRECTORY =
  process.platform === 'win32'
    ? `${process.env.ProgramData ?? ''}\\Otelcol\\FileStorage`
    : '/var/lib/otelcol/file_storage';
/** All that a file mode says of access. */
const PERMISSION_BITS = 0o777;

const compaction = struct('filestorage.CompactionConfig', 'Giving back space beyond what happens by itself.', {
  on_start: bool('Whether everything is written anew when a component opens its storage.'),
  on_rebound: bool('Whether everything is written anew when much was stored and little is left.'),
  directory: string('Without effect: nothing is written outside of the directory above.', DEFAULT_DIRECTORY),
  rebound_needed_threshold_mib: int('Size of the files from which on on_rebound looks for what is left.', 100),
  rebound_trigger_threshold_mib: int('Size of what is left below which on_rebound begins.', 10),
  max_transaction_size: int('Values that are moved at a time; 0 means no limit.', 65536),
  check_interval: duration('How often on_rebound looks.', '5s'),
  cleanup_on_start: bool('Without effect: there are no temporary files.'),
});

export const config = struct(
  'filestorage.Config',
  'Where other components keep what shall survive a restart.',
  {
    directory: string('Folder for the files; there is one folder in it for each user.', DEFAULT_DIRECTORY),
    timeout: duration('How long to wait while another process uses the same files; 0 means for ever.', '1s'),
    fsync: bool('Whether each write waits until it would survive a power failure.'),
    create_directory: bool('Whether a missing directory is created.'),
    directory_permissions: string('Octal permissions of a directory that is created.', '0750'),
    recreate: bool('Without effect: damage is passed over, so that files never need to be made anew.'),
    max_size: int('Bytes that the files of one user may take; 0 means no limit.'),
    compaction,
  },
  {
    ours: ['max_size'],
    validate(value, path, report) {
      checkDirectories(value, path, report);
      if (value.max_size < 0) report(path, '`max_size` must be non-negative');
      if (value.compaction.max_transaction_size < 0) {
        report(path, 'max transaction size for compaction cannot be less than 0');
      }
      if (value.compaction.on_rebound && value.compaction.check_interval <= 0) {
        report(path, 'compaction check interval must be positive when rebound compaction is set');
      }
      if (value.create_directory) checkPermissions(value.directory_permissions, path, report);
    },
  },
);
export type Config = Infer<typeof config>;

interface Places {
  readonly directory: string;
  readonly create_directory: boolean;
  readonly compaction: { readonly on_start: boolean; readonly on_rebound: boolean; readonly directory: string };
}

/** The folders that must be there. */
export function directories({ directory, compaction }: Places): string[] {
  return compaction.on_start || compaction.on_rebound ? [directory, compaction.directory] : [directory];
}

function checkDirectories(value: Places, path: string, report: Report): void {
  for (const directory of directories(value)) {
    try {
      if (!statSync(directory).isDirectory()) report(path, `${directory} is not a directory`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') {
        report(path, `problem accessing configured directory: ${directory}, err: stat ${directory}: ${reason(code)}`);
      } else if (!value.create_directory) {
        report(
          path,
          `directory must exist: stat ${directory}: no such file or directory. You can enable the create_directory ` +
            'option to automatically create it',
        );
      }
    }
  }
}

function reason(code: string | undefined): string {
  const known: Readonly<Record<string, string>> = { EACCES: 'permission denied', ENOTDIR: 'not a directory' };
  return known[code ?? ''] ?? code ?? 'unknown';
}

function checkPermissions(text: string, path: string, report: Report): void {
  if (!/^[+-]?[0-7]+$/.test(text) || Number.parseInt(text, 8) > 0x7fff_ffff) {
    report(path, 'directory_permissions value must be a valid octal representation');
  } else if ((Number.parseInt(text, 8) & PERMISSION_BITS) !== Number.parseInt(text, 8)) {
    report(path, 'directory_permissions contain invalid bits for file access');
  }
}
