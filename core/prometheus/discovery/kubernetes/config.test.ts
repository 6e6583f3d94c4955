import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readYaml } from '../../../testing/discovery.ts';
import { discoveries } from '../config.ts';
import { kubernetesSdConfig } from './config.ts';
import { fieldSelectorFault, labelSelectorFault } from './selectors.ts';

const REFUSED: readonly (readonly [yaml: string, message: string])[] = [
  ['{}', 'role missing (one of: pod, service, endpoints, endpointslice, node, ingress)'],
  ['role: vm', `'role' unknown Kubernetes SD role "vm"`],
  [
    '{role: pod, api_server: "http://a", kubeconfig_file: b}',
    "cannot use 'kubeconfig_file' and 'api_server' simultaneously",
  ],
  [
    '{role: pod, kubeconfig_file: b, bearer_token: c}',
    "cannot use a custom HTTP client configuration together with 'kubeconfig_file'",
  ],
  [
    '{role: pod, follow_redirects: false}',
    "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
  ],
  [
    '{role: pod, api_server: "http://a", namespaces: {own_namespace: true}}',
    "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously",
  ],
  [
    '{role: pod, kubeconfig_file: a, namespaces: {own_namespace: true}}',
    "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously",
  ],
  ['{role: pod, selectors: [{role: pod}, {role: pod}]}', 'duplicated selector role: pod'],
  ['{role: pod, selectors: [{role: service}]}', 'pod role supports only pod, node selectors'],
  ['{role: node, selectors: [{role: pod}]}', 'node role supports only node selectors'],
  ['{role: endpoints, selectors: [{role: node}]}', 'endpoints role supports only pod, service, endpoints selectors'],
  ['{role: ingress, selectors: [{role: pod}]}', 'ingress role supports only ingress selectors'],
  [
    '{role: pod, selectors: [{role: pod, field: "a"}]}',
    `'selectors[0].field' invalid selector: 'a'; can't understand 'a'`,
  ],
  ['{role: pod, selectors: [{role: pod, label: "a b"}]}', `'selectors[0].label' unable to parse requirement: "a b"`],
];

test('what Prometheus refuses is refused', () => {
  for (const [yaml, message] of REFUSED) {
    assert.deepEqual(readYaml(kubernetesSdConfig, yaml).faults, [message], yaml);
  }
});

test('what Prometheus takes is taken', () => {
  const good = [
    'role: pod',
    '{role: pod, api_server: "https://a:6443", bearer_token: t, namespaces: {names: [a]}}',
    '{role: pod, namespaces: {own_namespace: true, names: [a]}, attach_metadata: {node: true}}',
    '{role: endpointslice, selectors: [{role: pod, label: "a=b"}, {role: service}, {role: endpointslice}]}',
    '{role: node, kubeconfig_file: /a}',
  ];
  for (const yaml of good) assert.deepEqual(readYaml(kubernetesSdConfig, yaml).faults, [], yaml);
});

test('selectors', () => {
  for (const good of ['', 'a=b', 'a==b,c!=d', 'spec.nodeName=x', 'a=', 'a=b\\,c']) {
    assert.equal(fieldSelectorFault(good), undefined, good);
  }
  for (const bad of ['a', 'a,b=c', '=a']) assert.notEqual(fieldSelectorFault(bad), undefined, bad);
  const labels = [
    '',
    'a',
    '!a',
    'a=b',
    'a == b',
    'a!=b',
    'a in (b, c)',
    'a notin (b)',
    'a.b/c=d',
    'a>1',
    'a,b=c,d in (e,f)',
  ];
  for (const good of labels) assert.equal(labelSelectorFault(good), undefined, good);
  for (const bad of ['a b', 'a in b', '=b', 'a=b=c', ',', 'a in (b'])
    assert.notEqual(labelSelectorFault(bad), undefined, bad);
});

test('other discoveries are refused with the names of those there are', () => {
  const { faults } = readYaml(discoveries, 'consul_sd_configs: []');
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /has invalid keys: consul_sd_configs \(not supported: .*kubernetes_sd_configs\)$/);
});
