import type { ComponentKind } from './component-id.ts';

/** A table that a component contributes to the pages of the zpages extension. */
export interface ZPageSection {
  /** The page `/debug/<page>`: a known one (`tracez`) or one of its own. Lower-case letters and digits. */
  readonly page: string;
  readonly title: string;
  readonly columns: readonly string[];
  /** Asked for each view of the page; cells are text, which the page escapes. Keep it short. */
  rows(): Iterable<readonly (string | number)[]>;
}

/** What a component has beside `Component` when it contributes. Read once it has started. */
export interface ZPageProvider {
  readonly zpages: readonly ZPageSection[];
}

export interface ContributedSection {
  readonly kind: ComponentKind;
  readonly id: string;
  readonly section: ZPageSection;
}

/** What a host has beside `Host` when it knows the contributions of the running components. */
export interface ZPageHost {
  zPageSections(): Iterable<ContributedSection>;
}

export function isZPageProvider(component: object): component is ZPageProvider {
  return 'zpages' in component && Array.isArray(component.zpages);
}

export function isZPageHost(host: object): host is ZPageHost {
  return 'zPageSections' in host && typeof host.zPageSections === 'function';
}
