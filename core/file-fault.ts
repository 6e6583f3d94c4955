/** Why a file cannot be read, in the words of Go, which people search for: `open x: no such file or directory`. */
export function fileFault(path: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return `open ${path}: no such file or directory`;
  if (code === 'EACCES') return `open ${path}: permission denied`;
  if (code === 'EISDIR') return `read ${path}: is a directory`;
  return error instanceof Error ? error.message : String(error);
}
