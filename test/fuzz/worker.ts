/** The thread of `supervise`. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz, minimise } from './engine.ts';
import { type Job, type Report, SHARED_HEAD } from './supervise.ts';
import { targetNamed } from './targets.ts';

const { name, seed, mutations, shared } = workerData as Job;
const head = new Int32Array(shared, 0, 2);
const place = new Uint8Array(shared, SHARED_HEAD);
const target = await targetNamed(name);
const before = process.memoryUsage.rss();
const { user: userBefore } = process.threadCpuUsage();
const outcome = await fuzz(target, {
  seed,
  mutations,
  onInput(input, mutation) {
    place.set(input.subarray(0, place.length));
    head[1] = Math.min(input.length, place.length);
    head[0] = mutation;
  },
});
const findings = [];
for (const finding of outcome.findings) {
  const input = await minimise(target, finding);
  findings.push({ mutation: finding.mutation, message: finding.error.stack ?? finding.error.message, input });
}
const report: Report = {
  mutations: outcome.mutations,
  accepted: outcome.accepted,
  findings,
  cpuSeconds: (process.threadCpuUsage().user - userBefore) / 1e6,
  growthMib: Math.round((process.memoryUsage.rss() - before) / (1 << 20)),
};
parentPort?.postMessage(report);
