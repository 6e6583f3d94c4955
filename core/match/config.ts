import { attributeValue } from '../config/attribute-value.ts';
import { bool, type Infer, int, list, maybe, optional, string, stringList, struct } from '../config/fields.ts';

const attribute = struct('filterconfig.Attribute', 'An attribute that must be there.', {
  key: string('The key, exactly.'),
  value: attributeValue('What its value must be; without it, any. For regexp a pattern.'),
});

const library = struct('filterconfig.InstrumentationLibrary', 'An instrumentation scope.', {
  name: string('Its name.'),
  version: maybe(string('Its version; without this, any.')),
});

const severity = struct('filterconfig.LogSeverityNumberMatchProperties', 'Log records by severity.', {
  min: int('The least severity number that matches.'),
  match_undefined: bool('Whether records without a severity number match.'),
});

/** How results of patterns are kept. */
export const matchCache = struct(
  'regexp.Config',
  'Accepted for compatibility: results are kept in a small cache in any case.',
  {
    cacheenabled: bool('Whether results are to be kept.'),
    cachemaxnumentries: int('How many.'),
  },
);

const properties = struct(
  'filterconfig.MatchProperties',
  'Items match that have all the properties given here; of a list of texts one is enough.',
  {
    match_type: string('strict or regexp (RE2 syntax, anywhere in the text). Required.'),
    regexp: optional(matchCache, { present: false, enabledKey: false, whenNull: 'off' }),
    services: stringList('Spans: service names (resource attribute service.name).'),
    span_names: stringList('Spans: names.'),
    span_kinds: stringList('Spans: SPAN_KIND_SERVER, SPAN_KIND_CLIENT and so on.'),
    log_bodies: stringList('Log records: bodies.'),
    log_severity_texts: stringList('Log records: severity texts.'),
    log_severity_number: optional(severity, { present: false, enabledKey: false, whenNull: 'off' }),
    metric_names: stringList('Metrics: names.'),
    attributes: list('Spans and log records: attributes that must all be there.', attribute),
    resources: list('Spans and log records: resource attributes that must all be there.', attribute),
    libraries: list('Spans and log records: instrumentation scopes that must all be the one of the item.', library),
  },
);
export type MatchProperties = Infer<typeof properties>;
export type AttributeProperty = MatchProperties['attributes'][number];

const section = () => optional(properties, { present: false, enabledKey: false, whenNull: 'off' });

/** Which items a processor changes: those that `include` matches, if given, and `exclude` does not. */
export const matchConfig = struct('filterconfig.MatchConfig', 'Which items are changed.', {
  include: section(),
  exclude: section(),
});
export type MatchConfig = Infer<typeof matchConfig>;
