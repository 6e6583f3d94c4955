import {
  bool,
  componentId,
  duration,
  type Infer,
  int,
  oneOf,
  optional,
  string,
  struct,
} from '../../core/config/fields.ts';

const rotation = struct('fileexporter.Rotation', 'When the file is set aside and a new one begun.', {
  max_megabytes: int('Size in MiB that a file does not exceed; 0 means 100.', 0, 'int'),
  max_days: int('Files that were set aside are deleted after so many days; 0 means never.', 0, 'int'),
  max_backups: int('So many files that were set aside are kept; 0 means all.', 100, 'int'),
  localtime: bool('Whether the names of files that were set aside have local time; else UTC.'),
});
export type Rotation = Infer<typeof rotation>;

const groupBy = struct('fileexporter.GroupBy', 'Writing to a file per value of a resource attribute.', {
  enabled: bool('Whether to do so. The path then has exactly one *, which stands for the value.'),
  resource_attribute: string(
    'Name of the attribute. Resources without it are not written.',
    'fileexporter.path_segment',
  ),
  max_open_files: int('So many files are open at a time; the one unused for longest is closed.', 100, 'int'),
});

export const config = struct(
  'fileexporter.Config',
  'Where and how to write.',
  {
    path: string('The file, relative to the working directory.'),
    append: bool('Whether to keep what is in the file already; else it is emptied at the start.'),
    rotation: optional(rotation, { present: false, enabledKey: false }),
    format: oneOf('Format of each message.', ['json', 'proto'], 'json', () => 'format type is not supported', {
      nullIsEmpty: true,
    }),
    encoding: componentId('Extension that writes the messages in place of `format`.'),
    compression: oneOf('Compression of each message.', ['', 'zstd'], '', () => 'compression is not supported'),
    compression_params: struct('configcompression.CompressionParams', 'Fine tuning of the compression.', {
      level: int('Level of zstd, 1 to 22; 0 means its default.', 0, 'int'),
    }),
    flush_interval: duration('What was received is in the file after this time at the latest.', '1s'),
    group_by: groupBy,
    create_directory: bool('Whether to create the directory of the file.'),
    directory_permissions: string('Permissions of directories that are created, in octal; "0755" unless set.'),
  },
  {
    validate(value, path, report) {
      if (value.path === '') report(path, 'path must be non-empty');
      if (value.append && value.rotation !== undefined) {
        report(path, 'append and rotation enabled at the same time is not supported');
      }
      if (value.flush_interval < 0) report(path, 'flush_interval must be larger than zero');
      const fault = (value.group_by.enabled ? groupFault(value) : undefined) ?? permissionsFault(value);
      if (fault !== undefined) report(path, fault);
    },
  },
);
export type Config = Infer<typeof config>;

function groupFault(value: { readonly path: string; readonly group_by: Infer<typeof groupBy> }): string | undefined {
  const parts = value.path.split('*');
  if (parts.length !== 2) return 'path must contain exactly one * when group_by is enabled';
  if (parts[0] === '') return 'path must not start with * when group_by is enabled';
  if (value.group_by.resource_attribute === '') {
    return 'resource_attribute must not be empty when group_by is enabled';
  }
  return undefined;
}

const PERMISSION_BITS = 0o777;

function permissionsFault(value: {
  readonly create_directory: boolean;
  readonly directory_permissions: string;
}): string | undefined {
  const text = value.directory_permissions;
  if (text === '') return undefined;
  if (!value.create_directory) return 'directory_permissions requires create_directory to be true';
  if (!/^(0o?)?[0-7]+$/.test(text)) return 'directory_permissions value must be a valid octal representation';
  if (Number.parseInt(text.replace('o', ''), 8) > PERMISSION_BITS) {
    return 'directory_permissions contain invalid bits for file access';
  }
  return undefined;
}
