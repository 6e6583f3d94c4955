const names = (prefix: string, list: string) => list.split(' ').map((name) => `${prefix}.${name}`);

/** Tags that describe where a span comes from, not the span: attributes of the resource. */
export const RESOURCE_KEYS: ReadonlySet<string> = new Set([
  ...names('cloud', 'provider account.id region availability_zone platform resource_id'),
  ...names('aws.ecs', 'container.arn cluster.arn launchtype task.arn task.family task.revision'),
  'aws.eks.cluster.arn',
  ...names('aws.log', 'group.names group.arns stream.names stream.arns'),
  ...names('container', 'name id runtime image.name image.tag'),
  'deployment.environment',
  ...names('device', 'id model.identifier model.name manufacturer'),
  ...names('faas', 'name id version instance max_memory'),
  ...names('host', 'id name type arch image.name image.id image.version'),
  ...names('k8s', 'cluster.name node.name node.uid namespace.name pod.uid pod.name'),
  ...names('k8s', 'container.name container.restart_count replicaset.uid replicaset.name deployment.uid'),
  ...names('k8s', 'deployment.name statefulset.uid statefulset.name daemonset.uid daemonset.name'),
  ...names('k8s', 'job.uid job.name cronjob.uid cronjob.name'),
  ...names('os', 'type description name version'),
  ...names('process', 'pid executable.name executable.path command command_line command_args owner'),
  ...names('process', 'runtime.name runtime.version runtime.description'),
  ...names('service', 'name namespace instance.id version'),
  ...names('telemetry', 'sdk.name sdk.language sdk.version auto.version'),
  ...names('webengine', 'name version description'),
  ...names('opencensus', 'starttime exporterversion resourcetype'),
]);
