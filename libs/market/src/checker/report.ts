// The checker's report for people: one line per invariant, breaches spelt out.
import { type CheckReport, invariants } from './finding.js';

/** Lines without a final line break; `ok (nothing to check)` where an invariant had no fact to judge. */
export function showReport(report: CheckReport): string {
  const lines = report.findings.map(({ invariant, ok, checked, broken, detail }) => {
    const verdict = ok ? (checked === 0 ? '–     ' : 'ok    ') : 'BREACH';
    const count = ok ? (checked === 0 ? 'nothing to check' : `${checked} facts`) : `${broken} of ${checked} facts`;
    const line = `${verdict} ${invariant.padEnd(3)}  ${invariants[invariant]} (${count})`;
    return detail === undefined ? line : `${line}\n       ${detail}`;
  });
  const breaches = report.findings.filter((finding) => !finding.ok).length;
  const verdict = breaches === 0 ? 'every invariant holds' : `${breaches} of ${report.findings.length} are broken`;
  return [`${report.seq} journal entries: ${verdict}`, ...lines].join('\n');
}
