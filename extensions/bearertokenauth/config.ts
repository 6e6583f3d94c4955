import { type Infer, list, secret, string, struct } from '../../core/config/fields.ts';

export const config = struct(
  'bearertokenauthextension.Config',
  'Tokens, of clients or to servers.',
  {
    header: string('Header that has the token.', 'Authorization'),
    scheme: string('Word before the token; empty for none.', 'Bearer'),
    token: secret('The token.'),
    tokens: list('Tokens that a server takes; a client sends the first one.', secret('One of them.')),
    filename: string('File with a token on each line, followed; wins over token. After white space comes a comment.'),
  },
  {
    validate(value, path, report) {
      if (value.token === undefined && value.tokens.length === 0 && value.filename === '') {
        report(path, 'no bearer token provided');
      }
      if (value.token !== undefined && value.tokens.length > 0) {
        report(path, 'either tokens or token should be provided, not both');
      }
    },
  },
);
export type Config = Infer<typeof config>;
