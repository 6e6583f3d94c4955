import type { AttributeActions } from '../../core/attraction/actions.ts';
import type { MatchConfig } from '../../core/match/config.ts';
import { LogMatcher } from '../../core/match/logs.ts';
import { MetricMatcher } from '../../core/match/metrics.ts';
import { SpanMatcher } from '../../core/match/spans.ts';
import type { Visitor } from '../../core/otlp/edit/rewriter.ts';
import type { Signal } from '../../core/signal.ts';

/** Applies the actions to the items that match; without include and exclude no item is read for that. */
export function visitorFor(signal: Signal, match: MatchConfig, actions: AttributeActions): Visitor {
  const all = match.include === undefined && match.exclude === undefined;
  switch (signal) {
    case 'traces':
      return all ? { span: (span) => changed(actions, span) } : matchedSpans(new SpanMatcher(match), actions);
    case 'logs':
      return all ? { log: (record) => changed(actions, record) } : matchedLogs(new LogMatcher(match), actions);
    default:
      return all ? { point: (point) => changed(actions, point) } : matchedMetrics(new MetricMatcher(match), actions);
  }
}

function changed(actions: AttributeActions, item: { readonly attributes: Parameters<AttributeActions['apply']>[0] }) {
  actions.apply(item.attributes);
  return true;
}

function matchedSpans(matcher: SpanMatcher, actions: AttributeActions): Visitor {
  return {
    resource: (_, at) => matcher.enterResource(at),
    scope: (_, at) => matcher.enterScope(at),
    span: (span, at) => !matcher.matches(at.buffer, at.memberStart, at.memberEnd) || changed(actions, span),
  };
}

function matchedLogs(matcher: LogMatcher, actions: AttributeActions): Visitor {
  return {
    resource: (_, at) => matcher.enterResource(at),
    scope: (_, at) => matcher.enterScope(at),
    log: (record, at) => !matcher.matches(at.buffer, at.memberStart, at.memberEnd) || changed(actions, record),
  };
}

function matchedMetrics(matcher: MetricMatcher, actions: AttributeActions): Visitor {
  let matches = false;
  return {
    metric(_, reader) {
      matches = matcher.matches(reader);
      return true;
    },
    point: (point) => !matches || changed(actions, point),
  };
}
