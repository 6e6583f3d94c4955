export { input, kinds, legacyScopesActions, scan, setKeyValueKind, table, unknownActions } from './scan';
