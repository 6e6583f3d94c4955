import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPONENT_KINDS } from '../../core/component-id.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const COMPONENT_FOLDERS = COMPONENT_KINDS.map((kind) => `${kind}s`);

const texts = new Map<string, string>();

/** Paths of the repository's own files from its root, sorted. */
export function files(...patterns: string[]): string[] {
  const skipped = new Set(['node_modules', 'dist', 'data', '.git']);
  const found = globSync(patterns, { cwd: ROOT, exclude: (name) => skipped.has(name) });
  return found.filter((file) => !file.includes('.gen.')).sort();
}

export function read(file: string): string {
  const known = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
  texts.set(file, known);
  return known;
}

/** The code without comments and without the contents of strings, line for line. */
export function codeOf(file: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, ' ');
  return read(file).replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (match) =>
    match.startsWith('/') ? blank(match) : match,
  );
}

/** The files of the repository that a file imports, from the root. */
export function importsOf(file: string): string[] {
  const specifiers = codeOf(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/g);
  return [...specifiers].map(([, path]) => relative(ROOT, join(ROOT, dirname(file), path!)));
}

export const isTest = (file: string): boolean => file.endsWith('.test.ts');

/** `processors/batch` of any file of a component; undefined elsewhere. */
export function componentOf(file: string): string | undefined {
  const [kind, type, rest] = file.split('/');
  return COMPONENT_FOLDERS.includes(kind!) && rest !== undefined ? `${kind}/${type}` : undefined;
}

/** Every component folder, `processors/batch`. */
export function components(): string[] {
  const folders = files(`{${COMPONENT_FOLDERS.join(',')}}/*/index.ts`).map((file) => dirname(file));
  return [...new Set(folders)];
}
