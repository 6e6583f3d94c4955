import { type Infer, optional, secret, string, struct } from '../../core/config/fields.ts';

const htpasswd = struct('basicauthextension.HtpasswdSettings', 'Users that may send, for servers.', {
  file: string('File with lines user:password, as htpasswd writes them.'),
  inline: secret('The same lines; they win over those of the file.'),
});

const clientAuth = struct('basicauthextension.ClientAuthSettings', 'Credentials to send, for clients.', {
  username: string('User name.'),
  username_file: string('File with the user name, followed; wins over username.'),
  password: secret('Password.'),
  password_file: string('File with the password, followed; wins over password.'),
});

export const config = struct(
  'basicauthextension.Config',
  'HTTP basic authentication, of clients or to servers.',
  {
    htpasswd: optional(htpasswd, { present: false, whenNull: 'off', enabledKey: false }),
    client_auth: optional(clientAuth, { present: false, whenNull: 'off', enabledKey: false }),
  },
  {
    validate(value, path, report) {
      const { htpasswd: users, client_auth: credentials } = value;
      if (users !== undefined && credentials !== undefined) {
        report(path, 'only one of `htpasswd` or `client_auth` can be specified');
      }
      if (users === undefined && credentials === undefined) {
        report(path, 'no credential source provided: one of htpasswd and client_auth is needed');
      }
    },
  },
);
export type Config = Infer<typeof config>;
