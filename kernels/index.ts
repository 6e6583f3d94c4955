export { program, programSize } from './attributes';
export { edit } from './edit';
export { input, kinds, legacyScopesActions, scan, setKeyValueKind, table, unknownActions } from './scan';
