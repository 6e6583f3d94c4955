import { componentId, type Infer, list, maybe, type Report, secret, string, struct } from '../../core/config/fields.ts';

const header = struct('headerssetterextension.HeaderConfig', 'What is done with one header.', {
  action: string('insert where it is not there, update where it is, upsert in any case, or delete.'),
  key: string('Name of the header.'),
  value: secret('Its value.'),
  value_file: maybe(string('File with the value, followed.')),
  from_context: maybe(string('Header of the request that brought the data, where the receiver has include_metadata.')),
  from_attribute: maybe(string('Attribute that the authenticator of the receiver found out.')),
  default_value: secret('Where the request has no such header or attribute.'),
});
export type HeaderConfig = Infer<typeof header>;

export const config = struct(
  'headerssetterextension.Config',
  'Changes the headers of the requests of exporters.',
  {
    headers: list('Changes, in this order.', header),
    additional_auth: componentId('Authenticator that adds its headers after them.'),
  },
  {
    validate(value, path, report) {
      if (value.headers.length === 0) report(path, 'missing headers configuration');
      for (const one of value.headers) validateHeader(one, path, report);
    },
  },
);
export type Config = Infer<typeof config>;

function validateHeader(one: HeaderConfig, path: string, report: Report): void {
  if (one.key === '') {
    report(path, 'missing header name');
    return;
  }
  if (one.action === 'delete') return;
  const { value, value_file, from_context, from_attribute } = one;
  const sources = [value, value_file, from_context, from_attribute].filter((source) => source !== undefined).length;
  const kinds = "'from_context', 'from_attribute', 'value', or 'value_file'";
  if (sources === 0) report(path, `missing header source, must be ${kinds}`);
  if (sources > 1) report(path, `invalid header source, must be only one of ${kinds}`);
}
