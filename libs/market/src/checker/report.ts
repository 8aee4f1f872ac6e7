// The checker's report for people: one line per invariant, breaches spelt out.
import { type CheckReport, type Finding, invariants } from './finding.js';

/** What an invariant says and how many facts were judged, in one line; a breach is followed by its first offender. */
export function showFinding({ invariant, ok, checked, broken, detail }: Finding): string {
  const facts = checked === 0 ? 'nothing to check' : `${checked} facts`;
  const line = `${invariants[invariant]} (${ok ? facts : `${broken} of ${facts}`})`;
  return detail === undefined ? line : `${line}: ${detail}`;
}

/** Lines without a final line break; `–` where an invariant had no fact to judge. */
export function showReport(report: CheckReport): string {
  const lines = report.findings.map((finding) => {
    const verdict = finding.ok ? (finding.checked === 0 ? '–     ' : 'ok    ') : 'BREACH';
    return `${verdict} ${finding.invariant.padEnd(3)}  ${showFinding(finding)}`;
  });
  const breaches = report.findings.filter((finding) => !finding.ok).length;
  const verdict = breaches === 0 ? 'every invariant holds' : `${breaches} of ${report.findings.length} are broken`;
  return [`${report.seq} journal entries: ${verdict}`, ...lines].join('\n');
}
