/** The repository checks itself. Each rule lists what breaks it; what may is in `EXCEPTIONS`, which only shrinks. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { codeOf, componentOf, components, files, importsOf, isTest, ROOT, read } from './support/repository.ts';

const MAX_FILE = 250;
/** Where an exception is made for a source file; tests may be as long. */
const MAX_EXCEPTION = 500;
const MAX_LINE = 120;
const MAX_COMPONENT_FILES = 6;
const MAX_README = 60;
/** Names what it looks for. */
const SELF = 'test/tidy.test.ts';

/** `rule file` → why. An entry that is no longer needed fails the test. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'file length core/otlp/schema.ts': 'all messages of OTLP as one table, to be held against the .proto files',
  'component size processors/tail_sampling': 'a file for each family of policies, and one for each of its tables',
};

const sources = files('{cmd,core,service,receivers,processors,exporters,connectors,extensions,configs}/**/*.ts');
const everything = [...sources, ...files('{scripts,test}/**/*.{ts,mjs}')];
const pages = files('**/*.md');

const used = new Set<string>();
/** Whether `file` may break `rule`. */
function excepted(rule: string, file: string): boolean {
  const key = `${rule} ${file}`;
  if (EXCEPTIONS[key] === undefined) return false;
  used.add(key);
  return true;
}

function rule(name: string, check: () => string[]): void {
  test(name, () => {
    const broken = check().filter((fault) => !excepted(name, fault.split(/[: ]/)[0]!));
    if (broken.length > 0) assert.fail(`\n  ${broken.join('\n  ')}`);
  });
}

rule('imports', () =>
  sources.flatMap((file) =>
    importsOf(file).flatMap((target) => {
      const reason = forbiddenImport(file, target);
      return reason === undefined ? [] : [`${file} imports ${target}: ${reason}`];
    }),
  ),
);

function forbiddenImport(file: string, target: string): string | undefined {
  const layer = (path: string) => (componentOf(path) === undefined ? path.split('/')[0]! : 'component');
  const from = layer(file);
  const to = layer(target);
  if (!isTest(file) && target.startsWith('core/testing/') && !file.startsWith('core/testing/')) {
    return 'core/testing is for tests';
  }
  if (from === 'component' && to === 'component' && componentOf(file) !== componentOf(target)) {
    return 'a component never imports another';
  }
  const allowed: Readonly<Record<string, readonly string[]>> = {
    cmd: ['cmd', 'service', 'core'],
    service: ['service', 'core'],
    core: ['core'],
    component: ['component', 'core'],
    configs: ['configs', 'core'],
  };
  // a test of the service may run it with real components and the golden runner
  if (isTest(file) && (from === 'cmd' || from === 'service')) return undefined;
  if (isTest(file) && to === 'test') return undefined;
  return allowed[from]!.includes(to) ? undefined : `${from} may import ${allowed[from]!.join(', ')}`;
}

rule('file length', () =>
  everything.flatMap((file) => {
    const lines = read(file).trimEnd().split('\n').length;
    const long = `${file}: ${lines} lines`;
    if (lines > MAX_EXCEPTION) return [`! ${long}, over ${MAX_EXCEPTION}`];
    return !isTest(file) && lines > MAX_FILE ? [long] : [];
  }),
);

rule('line length', () =>
  everything.flatMap((file) =>
    read(file)
      .split('\n')
      // in tests, expected texts may be as long as they are
      .flatMap((line, i) =>
        line.length > MAX_LINE && !(isTest(file) && /['"`/]/.test(line)) ? [`${file}:${i + 1}`] : [],
      ),
  ),
);

rule('component size', () =>
  components().flatMap((folder) => {
    const count = files(`${folder}/**/*.ts`).filter((file) => !isTest(file)).length;
    return count > MAX_COMPONENT_FILES ? [`${folder}: ${count} source files`] : [];
  }),
);

rule('component tests', () =>
  components().filter((folder) => files(`${folder}/**/*.test.ts`, `${folder}/testdata/*/config.yaml`).length === 0),
);

rule('component README', () =>
  components().flatMap((folder) => {
    const file = `${folder}/README.md`;
    if (!existsSync(join(ROOT, file))) return [`${folder}: no README.md`];
    const text = read(file).replace(/<!-- options:start -->[\s\S]*<!-- options:end -->/, '<!-- options -->');
    const needed = [/^# \S/, /^## Options$/m, /^<!-- options -->$/m, /^## Example/m, /^```yaml$/m];
    const missing = needed
      .filter((pattern) => !pattern.test(text))
      .map((pattern) => `${file}: lacks ${pattern.source}`);
    const lines = text.split('\n').length;
    return lines > MAX_README ? [...missing, `${file}: ${lines} lines without the table`] : missing;
  }),
);

rule('time and chance come from settings', () => {
  const forbidden = /\b(Date\.now|new Date\(\)|setTimeout|setInterval|Math\.random|performance\.now|process\.hrtime)\b/;
  return sources.flatMap((file) => {
    if (isTest(file) || (componentOf(file) === undefined && !file.startsWith('core/exporter-helper/'))) return [];
    return grep(file, codeOf(file), forbidden);
  });
});

rule('only cmd ends the process', () =>
  sources
    .filter((file) => !isTest(file) && !file.startsWith('cmd/'))
    .flatMap((file) => grep(file, codeOf(file), /\bprocess\.(exit|abort)\b|\bprocess\.exitCode\s*=/)),
);

rule('nothing left to do', () => {
  const marker = new RegExp(`\\b(${['TODO', 'FIXME', 'XXX', 'HACK'].join('|')})\\b`);
  return [...everything, ...pages].flatMap((file) => (file === SELF ? [] : grep(file, read(file), marker)));
});

rule('no path or host of one machine', () => {
  const machine = /(^|[\s"'`(=])\/(root|work|home\/\w+|Users\/\w+|tmp\/w)(\/|\b)/;
  const text = [...everything, ...pages, ...files('**/*.{yaml,yml,json}', 'Dockerfile', '.ci/run')];
  return text
    .filter((file) => file !== SELF && !file.includes('/testdata/'))
    .flatMap((file) => grep(file, read(file), machine));
});

function grep(file: string, text: string, pattern: RegExp): string[] {
  return text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []));
}

rule('no dead files', () => {
  const imported = new Set(everything.flatMap(importsOf));
  const started = new Set(['cmd/weir/main.ts', ...scriptFiles()]);
  return everything.filter((file) => {
    const entry =
      isTest(file) || file.endsWith('.bench.ts') || started.has(file) || file.endsWith('/index.ts') || isWorker(file);
    return !entry && !imported.has(file);
  });
});

/** The files that package.json's scripts and the CI run. */
function scriptFiles(): string[] {
  const text = `${read('package.json')}\n${existsSync(join(ROOT, '.ci/run')) ? read('.ci/run') : ''}`;
  return [...text.matchAll(/[\w./-]+\.(?:ts|mjs)\b/g)].map(([path]) => path);
}

/** Started as a process or worker of its own: some file names it in a URL. */
function isWorker(file: string): boolean {
  const name = file.split('/').at(-1)!;
  return everything.some((other) => other !== file && read(other).includes(`${name}', import.meta.url`));
}

rule('no dead exports', () => {
  const texts = everything.map((file) => ({ file, text: codeOf(file) }));
  return sources
    .filter((file) => !isTest(file) && !file.startsWith('core/testing/'))
    .flatMap((file) => {
      const exported = codeOf(file).matchAll(/^export (?:async |abstract )*(?:function\*?|const|class) (\w+)/gm);
      return [...exported].flatMap(([, name]) => {
        const word = new RegExp(`\\b${name}\\b`);
        return texts.some((other) => other.file !== file && word.test(other.text)) ? [] : [`${file}: ${name}`];
      });
    });
});

rule('links in pages', () =>
  pages.flatMap((file) => {
    const prose = read(file).replace(/```[\s\S]*?```/g, '');
    const targets = [...prose.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => target!);
    return targets
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(ROOT, dirname(file), target)))
      .map((target) => `${file}: ${target}`);
  }),
);

rule('files named in pages', () =>
  pages.flatMap((file) => {
    const named = read(file).matchAll(
      /`((?:core|service|cmd|scripts|test|configs|docs)\/[\w./-]+\.(?:ts|md|yaml|mjs))`/g,
    );
    return [...named].filter(([, path]) => !existsSync(join(ROOT, path!))).map(([, path]) => `${file}: ${path}`);
  }),
);

test('every exception is still needed', () => {
  const unneeded = Object.keys(EXCEPTIONS).filter((key) => !used.has(key));
  assert.deepEqual(unneeded, []);
});
