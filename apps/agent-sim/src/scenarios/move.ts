// A move: who said what to whom, when, and how much was at stake; read off the wire, not from what agents claim.
import type { Performative } from '@tender/market';

export interface Move {
  /** Since the scenario began. */
  readonly atMs: number;
  /** Names without the run. */
  readonly from: string;
  /** `all` for what is announced. */
  readonly to: string;
  /** A performative and, where that says more, its kind; `engage` and the like for what is asked of the bank. */
  readonly what: string;
  readonly status?: number | undefined;
  /** `no-improvement`, `over-budget`. */
  readonly detail?: string | undefined;
  readonly round?: number | undefined;
  readonly conversation: string;
  readonly amountMicro?: string | undefined;
  /** What else is at stake: terms, a contract, a message. */
  readonly about: string;
}

/** A message as far as a move tells of it. */
export interface Overheard {
  readonly performative: Performative;
  readonly conversation: string;
  readonly body: unknown;
  /** `Tender-Status` and the like, as the sender claims them. */
  readonly header: (name: string) => string | undefined;
}

interface Terms {
  readonly priceMicro: string;
  readonly startBy: number;
  readonly deadline: number;
  readonly units: number;
  readonly batch: number;
  readonly scope: number;
  readonly region: string;
}

interface View {
  readonly contract: string;
  readonly state: string;
  readonly outcome?: string;
  readonly paidMicro?: string;
  readonly issues: Terms;
}

/** Bodies of all kinds, as far as they are read here. */
type AnyBody = Partial<{
  kind: string;
  step: string;
  issues: Terms;
  counter: Terms;
  offer: { issues: Terms };
  ask: Terms;
  view: View;
  contracts: readonly View[];
  contract: string;
  state: string;
  outcome: string;
  paidMicro: string;
  proposal: string | { readonly proposal: string; readonly state: string };
  request: { readonly verdict?: string; readonly proposal?: string };
  detail: string;
  message: string;
  bucket: string;
  amounts: Readonly<Record<string, number>>;
  used: Readonly<Record<string, number>>;
  upstream: { readonly status?: number; readonly remaining?: Readonly<Record<string, number>> };
  amountMicro: string;
  maxPriceMicro: string;
  progress: { readonly percent: number };
  receipt: { readonly outcome: string };
}>;

/** `operation`: what was asked of the bank, or what the bank answers. Times are told from `zeroMs`, the broker's. */
export function moveOf(
  heard: Overheard,
  place: { from: string; to: string; atMs: number; zeroMs: number; operation?: string | undefined },
): Move {
  const body = (typeof heard.body === 'object' && heard.body !== null ? heard.body : {}) as AnyBody;
  const terms = body.issues ?? body.counter ?? body.offer?.issues ?? body.view?.issues ?? body.ask;
  const contracts = body.contracts ?? (body.view ? [body.view] : []);
  const status = Number(heard.header('Tender-Status'));
  const round = Number(heard.header('Tender-Round'));
  return {
    atMs: Math.round(place.atMs),
    from: place.from,
    to: place.to,
    what: whatOf(heard.performative, body, place.operation),
    status: status > 0 ? status : undefined,
    detail: heard.header('Tender-Reason')?.split('/')[1] ?? (heard.performative === 'inform' ? undefined : body.detail),
    round: round > 0 ? round : undefined,
    conversation: heard.conversation,
    amountMicro:
      body.paidMicro ??
      amountOf(contracts) ??
      terms?.priceMicro ??
      body.amountMicro ??
      body.maxPriceMicro ??
      heard.header('Tender-Budget'),
    about: aboutOf(body, contracts, terms, place.zeroMs),
  };
}

function whatOf(performative: Performative, body: AnyBody, operation: string | undefined): string {
  if (operation !== undefined) {
    const step = body.step ?? body.request?.verdict ?? body.kind;
    const named = step === undefined ? operation : `${operation} ${step}`;
    return performative === 'request' ? named : `${operation} ${performative === 'inform' ? 'ok' : performative}`;
  }
  const kinds = new Set(['opening', 'tender', 'contract', 'pending']);
  return body.kind !== undefined && kinds.has(body.kind) ? `${performative} (${body.kind})` : performative;
}

function amountOf(contracts: readonly View[]): string | undefined {
  if (contracts.length === 0) return undefined;
  return String(contracts.reduce((sum, one) => sum + BigInt(one.paidMicro ?? one.issues.priceMicro), 0n));
}

function aboutOf(body: AnyBody, contracts: readonly View[], terms: Terms | undefined, zeroMs: number): string {
  const state = contracts.length === 1 ? (contracts[0]!.outcome ?? contracts[0]!.state) : (body.outcome ?? body.state);
  const parts = [
    contracts.length > 1 ? `${contracts.length} contracts` : '',
    state ?? '',
    body.receipt?.outcome ?? '',
    body.progress === undefined ? '' : `${body.progress.percent} %`,
    typeof body.proposal === 'object' ? body.proposal.state : '',
    terms === undefined ? '' : termsText(terms, zeroMs),
    tokensText(body.amounts ?? body.used),
    body.upstream?.status === undefined || body.upstream.status < 400 ? '' : `upstream ${body.upstream.status}`,
    body.message ?? '',
  ];
  return [...new Set(parts)].filter((part) => part !== '').join(' · ');
}

/** `1 requests, 3,012 tokens`; nothing of what is no amounts. */
function tokensText(amounts: Readonly<Record<string, number>> | undefined): string {
  if (typeof amounts !== 'object' || amounts === null) return '';
  return Object.entries(amounts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}

function termsText({ startBy, deadline, units, batch, scope, region }: Terms, zeroMs: number): string {
  const seconds = (at: number) => `+${spanText(at - zeroMs)}`;
  const extras = [scope === 1000 ? '' : `scope ${scope / 10} %`, batch === 1 ? '' : `batch ${batch}`];
  return [`${units} × ${region}`, `start ${seconds(startBy)}`, `by ${seconds(deadline)}`, ...extras]
    .filter((part) => part !== '')
    .join(', ');
}

/** `48 h`, `2.5 s`: the coarsest unit that is fine enough. */
export function spanText(ms: number): string {
  for (const [unit, length] of [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const) {
    if (Math.abs(ms) >= 2 * length) return `${Math.round((ms / length) * 10) / 10} ${unit}`;
  }
  return `${Math.round(ms)} ms`;
}
