import {
  bool,
  componentId,
  duration,
  type Infer,
  int,
  oneOf,
  optional,
  type Report,
  type Secret,
  secret,
  string,
  stringList,
  struct,
  withoutEffect,
} from '../config/fields.ts';
import { tlsClient } from '../config/sections/tls.ts';
import { DRIVERS } from './driver.ts';

const sasl = struct(
  'configkafka.SASLConfig',
  'Login by SASL.',
  {
    username: string('Name of the user.'),
    password: secret('Password of the user.'),
    mechanism: string('PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER.'),
    version: withoutEffect('the clients take the newest handshake by themselves', (doc) => int(doc, 0, 'int')),
    aws_msk: struct('configkafka.AWSMSKConfig', 'For AWS_MSK_IAM_OAUTHBEARER, which is not supported.', {
      region: string('Region of the cluster.'),
    }),
    oauthbearer_token_source: componentId('Extension that gives the token of OAUTHBEARER.'),
  },
  { validate: validateSasl },
);

interface SaslKeys {
  readonly username: string;
  readonly password: Secret | undefined;
  readonly mechanism: string;
  readonly version: number;
  readonly oauthbearer_token_source: string | undefined;
}

function validateSasl(value: SaslKeys, path: string, report: Report): void {
  const { mechanism, version } = value;
  if (['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].includes(mechanism)) {
    if (value.username === '') report(path, 'username is required');
    else if (value.password === undefined) report(path, 'password is required');
  } else if (mechanism === 'OAUTHBEARER') {
    if (value.oauthbearer_token_source === undefined) report(path, 'oauth2authclient extension is required');
  } else if (mechanism !== 'AWS_MSK_IAM_OAUTHBEARER') {
    const known = "'PLAIN', 'AWS_MSK_IAM_OAUTHBEARER', 'SCRAM-SHA-256' or 'SCRAM-SHA-512'";
    report(path, `mechanism should be one of ${known}. configured value ${mechanism}`);
  }
  if (version < 0 || version > 1) report(path, `version has to be either 0 or 1. configured value ${version}`);
}

const absent = { present: false, whenNull: 'off', enabledKey: false } as const;

const auth = struct('configkafka.AuthenticationConfig', 'How the client shows who it is.', {
  sasl: optional(sasl, absent),
  plain_text: optional(
    struct('configkafka.PlainTextConfig', 'The same as sasl with the mechanism PLAIN.', {
      username: string('Name of the user.'),
      password: secret('Password of the user.'),
    }),
    absent,
  ),
  kerberos: optional(
    struct('configkafka.KerberosConfig', 'Login by Kerberos, which is not supported.', {
      service_name: string('Name of the service.'),
      realm: string('Name of the realm.'),
      use_keytab: bool('Whether the key is in a file.'),
      username: string('Name of the user.'),
      password: secret('Password of the user.'),
      config_file: string('File with the configuration.'),
      keytab_file: string('File with the key.'),
      disable_fast_negotiation: bool('Whether PA-FX-FAST is left out.'),
    }),
    absent,
  ),
  tls: optional(tlsClient, absent),
});

const metadata = struct('configkafka.MetadataConfig', 'What is known of the cluster.', {
  full: withoutEffect('only topics in use are asked for', (doc) => bool(doc, true), false),
  refresh_interval: duration('Topics and their leaders are asked for again after this time.', '10m'),
  retry: struct('configkafka.MetadataRetryConfig', 'Tries inside the client, of all requests.', {
    max: int('So many more tries.', 3, 'int'),
    backoff: duration('Wait before each.', '250ms'),
  }),
});

/** Releases of Kafka; patch versions are not told apart. */
const PROTOCOL_VERSION = /^v?(0\.(8\.[012]|9\.0|10\.[012]|11\.0)|1\.[01]|2\.[0-8]|3\.[0-9]|4\.\d+)(\.\d+)?$/;

/** The keys of a connection to Kafka, of receiver and exporter; `driver` is a key of ours. */
export const kafkaClient = struct(
  'configkafka.ClientConfig',
  'Where the cluster is.',
  {
    brokers: stringList('host:port of some brokers of the cluster; the others are found by them.', ['localhost:9092']),
    resolve_canonical_bootstrap_servers_only: withoutEffect('as in the collector of today', (doc) => bool(doc)),
    protocol_version: withoutEffect('versions are agreed with each broker', (doc) => string(doc)),
    client_id: string('Name of the client in the logs of the brokers.', 'otel-collector'),
    rack_id: withoutEffect('records are read from the leader', (doc) => string(doc)),
    use_leader_epoch: withoutEffect('the clients do not tell it', (doc) => bool(doc, true), false),
    conn_idle_timeout: withoutEffect('connections stay', (doc) => duration(doc, '9m')),
    tls: optional(tlsClient, absent),
    auth,
    metadata,
    driver: oneOf('The client inside: platformatic or kafkajs.', DRIVERS, DRIVERS[0]),
  },
  {
    validate(value, path, report) {
      if (value.brokers.length === 0) report(path, 'brokers must be specified');
      const version = value.protocol_version;
      if (version !== '' && !PROTOCOL_VERSION.test(version)) {
        report(path, `invalid protocol version: ${JSON.stringify(version)}`);
      }
      if (value.conn_idle_timeout <= 0) report(path, `conn_idle_timeout must be positive`);
    },
  },
);
export type KafkaClientConfig = Infer<typeof kafkaClient>;
