import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { parseDocument } from 'yaml';
import { Secret } from '../../../config/secret.ts';
import { fileFault } from '../../../file-fault.ts';
import { type HttpClientConfig, httpClientConfig } from '../../http-client-config/config.ts';
import type { Access } from './access.ts';
import { at, listAt, maybeBoolAt, textAt } from './objects.ts';

/**
 * Server and user of the current context of a kubeconfig file: a token, user and password, or a certificate, each as
 * text or in a file. Programs that give credentials are not run.
 */
export async function kubeconfigAccess(file: string): Promise<Access> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`error loading config file ${JSON.stringify(file)}: ${fileFault(file, error)}`);
  }
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new Error(`error loading config file ${JSON.stringify(file)}: it is no YAML`);
  const config: unknown = document.toJS();
  const context = named(config, 'contexts', textAt(config, 'current-context'), 'context', file);
  const cluster = named(config, 'clusters', textAt(context, 'cluster'), 'cluster', file);
  const userName = textAt(context, 'user');
  const user = userName === '' ? {} : named(config, 'users', userName, 'user', file);
  const server = textAt(cluster, 'server');
  if (!URL.canParse(server)) throw new Error(`${JSON.stringify(server)} in ${file} is no URL of a server`);
  return { server, client: clientOf(cluster, user, file) };
}

function named(config: unknown, list: string, name: string, key: string, file: string): unknown {
  const entry = listAt(config, list).find((item) => textAt(item, 'name') === name);
  if (entry === undefined) throw new Error(`${key} ${JSON.stringify(name)} does not exist in ${file}`);
  return at(entry, key) ?? {};
}

function clientOf(cluster: unknown, user: unknown, file: string): HttpClientConfig {
  for (const key of ['exec', 'auth-provider']) {
    if (at(user, key) === undefined) continue;
    throw new Error(`${key} in ${file} is not supported: use a token, tokenFile or client-certificate`);
  }
  const defaults = httpClientConfig.absent();
  const path = (...keys: readonly [unknown, string]): string => resolved(textAt(...keys), file);
  const pem = (owner: unknown, key: string): string => Buffer.from(textAt(owner, key), 'base64').toString();
  const [ca, cert, key] = [
    pem(cluster, 'certificate-authority-data'),
    pem(user, 'client-certificate-data'),
    pem(user, 'client-key-data'),
  ];
  return {
    ...defaults,
    ...credentialsOf(user, path(user, 'tokenFile')),
    proxy_url: textAt(cluster, 'proxy-url'),
    // the environment decides where the file says nothing, as for kubectl
    proxy_from_environment: textAt(cluster, 'proxy-url') === '',
    tls_config: {
      ...defaults.tls_config,
      // what stands in the file wins over other files
      ca,
      ca_file: ca === '' ? path(cluster, 'certificate-authority') : '',
      cert,
      cert_file: cert === '' ? path(user, 'client-certificate') : '',
      key: key === '' ? undefined : new Secret(key),
      key_file: key === '' ? path(user, 'client-key') : '',
      server_name: textAt(cluster, 'tls-server-name'),
      insecure_skip_verify: maybeBoolAt(cluster, 'insecure-skip-tls-verify') ?? false,
    },
  };
}

function credentialsOf(user: unknown, tokenFile: string): Partial<HttpClientConfig> {
  const [token, username, password] = [textAt(user, 'token'), textAt(user, 'username'), textAt(user, 'password')];
  if (tokenFile !== '') {
    return { authorization: { type: 'Bearer', credentials: undefined, credentials_file: tokenFile } };
  }
  if (token !== '') {
    return { authorization: { type: 'Bearer', credentials: new Secret(token), credentials_file: '' } };
  }
  if (username === '') return {};
  return { basic_auth: { username, username_file: '', password: new Secret(password), password_file: '' } };
}

/** Paths are relative to the folder of the file. */
const resolved = (path: string, file: string): string =>
  path === '' || isAbsolute(path) ? path : join(dirname(file), path);
