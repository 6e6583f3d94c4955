import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { type Findings, readSection } from '../../config/decoder.ts';
import { describeRows } from '../../config/describe.ts';
import { ConfigError, faultLine } from '../../config/fault.ts';
import { readYaml } from '../../config/read.ts';
import type { AnySchema } from '../../config/schema.ts';
import { parseYaml } from '../../config/yaml.ts';
import type { Rule } from './suite.ts';

const SECRET = 'hunter2-conformance';

const describes: Rule = {
  name: 'every option has a description',
  applies: () => true,
  check({ factory }) {
    const missing: string[] = [];
    const visit = (schema: AnySchema, path: string) => {
      for (const [key, field] of schema.children()) {
        // an element of a list or map is described by the list or map
        if (field.doc === '' && key !== '*' && key !== '[]') missing.push(`${path}${key}`);
        visit(field, `${path}${key}.`);
      }
    };
    visit(factory.config, '');
    assert.deepEqual(missing, []);
    assert.ok(factory.description.endsWith('.'), 'the component itself has a description, a full sentence');
  },
};

const masksSecrets: Rule = {
  name: 'secrets are masked wherever a configuration is printed',
  applies: ({ factory }) => describeRows(factory.config).some((row) => row.type === 'secret'),
  check({ factory }) {
    const keys = describeRows(factory.config).filter((row) => row.type === 'secret' && !/[*[]/.test(row.key));
    for (const { key } of keys) {
      const { config, messages } = readLeniently(factory.config, nest(key, `"${SECRET}"`));
      const revealed = JSON.stringify(factory.config.toPlain(config, true));
      assert.ok(revealed.includes(SECRET), `${key} is not read`);
      const masked = JSON.stringify(factory.config.toPlain(config, false));
      for (const text of [JSON.stringify(config), inspect(config, { depth: null }), masked, messages]) {
        assert.ok(!text.includes(SECRET), `${key} shows in ${text}`);
      }
    }
  },
};

const refusesUnknown: Rule = {
  name: 'an unknown key is refused with its name and place',
  applies: () => true,
  check({ factory, minimal }) {
    const line = minimal.trim() === '' ? 1 : minimal.trimEnd().split('\n').length + 1;
    const error = configError(factory.config, `${minimal.trimEnd()}\nno_such_key: 1`.trimStart());
    assert.match(error.message, /no_such_key/);
    assert.match(error.message, new RegExp(`config\\.yaml:${line}:1`));
  },
};

const emptyIsDefault: Rule = {
  name: 'an empty section gives the defaults, or a message that names what is missing',
  applies: () => true,
  check({ factory }) {
    try {
      readYaml(factory.config, '');
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${error}`);
      // `at least one protocol` names `protocols` well enough
      const keys = describeRows(factory.config).map((row) => row.key.split('.')[0]!.replace(/s$/, ''));
      assert.ok(
        keys.some((key) => error.message.includes(key)),
        `names no option: ${error.message}`,
      );
    }
  },
};

const sharesNothing: Rule = {
  name: 'two parses share no object that could be changed',
  applies: () => true,
  check({ factory, minimal }) {
    const first = objectsIn(readYaml(factory.config, minimal));
    for (const object of objectsIn(readYaml(factory.config, minimal))) {
      assert.ok(!first.has(object) || Object.isFrozen(object), `${inspect(object)} is shared`);
    }
  },
};

export const configRules: readonly Rule[] = [describes, masksSecrets, refusesUnknown, emptyIsDefault, sharesNothing];

/** `a.b` → YAML with `value` there. */
function nest(key: string, value: string): string {
  return key.split('.').reduceRight((inner, part) => `{ ${part}: ${inner} }`, value);
}

/** What a section gives that may be incomplete, with the messages about that. */
function readLeniently(schema: AnySchema, yaml: string): { config: unknown; messages: string } {
  const parsed = parseYaml(yaml, 'config.yaml');
  assert.ok('node' in parsed);
  const findings: Findings = { faults: [], warnings: [], strict: false };
  const config = readSection(schema, parsed.node, '', findings);
  return { config, messages: [...findings.faults.map(faultLine), ...findings.warnings].join('\n') };
}

function configError(schema: AnySchema, yaml: string): ConfigError {
  try {
    readYaml(schema, yaml);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `${error}`);
    return error;
  }
  assert.fail('was accepted');
}

function objectsIn(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  const inner = value instanceof Map ? [...value.values()] : Object.values(value);
  for (const v of inner) objectsIn(v, found);
  return found;
}
