// Work as an operator of a market that runs: who one is, what is wrong where one cannot be, and an end on Ctrl-C.
import { connectOperator, type Operator } from '@tender/agent';
import { idText, type Refusal } from '@tender/market';
import { type CliConfig, UsageError } from './config.js';
import { INTERRUPTED, onInterrupt } from './interrupt.js';
import { showInstant, showLeft, showMicro } from './quantities.js';

/** For people: what the bank refused, and what to do. */
export class RefusedByBank extends Error {
  readonly exitCode: number = 1;
}

/** What was named does not exist. */
export class NotFound extends RefusedByBank {
  override readonly exitCode = 3;
}

/** Runs `work` connected; its number is the exit code. Throws UsageError where nobody can be connected. */
export async function asOperator(config: CliConfig, work: (operator: Operator) => Promise<number>): Promise<number> {
  const interrupt = onInterrupt();
  const working = connected(config).then(async (operator) => {
    try {
      return await work(operator);
    } finally {
      await operator.close();
    }
  });
  try {
    return await Promise.race([working, interrupt.signalled.then(() => INTERRUPTED)]);
  } finally {
    interrupt.off();
  }
}

async function connected({ natsUrl, market, operatorSeed }: CliConfig): Promise<Operator> {
  const missing = [natsUrl === undefined ? 'NATS_URL' : '', operatorSeed === undefined ? 'TENDER_OPERATOR_SEED' : ''];
  if (natsUrl === undefined || operatorSeed === undefined) {
    const names = missing.filter((name) => name !== '').join(' and ');
    throw new UsageError(`${names}: not set. \`tender up\` prints them for its market, with TENDER_MARKET.`);
  }
  const [id = '', seed = ''] = operatorSeed.split(':');
  if (!idText.safeParse(id).success || seed === '') {
    throw new UsageError('TENDER_OPERATOR_SEED is not <operator id>:<seed>, as `tender up` prints it.');
  }
  try {
    return await connectOperator({ servers: natsUrl.split(','), market, id, seed });
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`TENDER_OPERATOR_SEED: ${error.message}`);
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `NATS at ${natsUrl} does not let operator ${id} in (${why}). Is it running, and is NATS_URL right?`,
    );
  }
}

/** What to do about a refusal that any operation may meet; else its own words. */
export function refusedByBank(refusal: Refusal, market: string): RefusedByBank | UsageError {
  const { detail, message } = refusal;
  if (detail === 'bad-signature') {
    return new UsageError(`${message}. Is TENDER_OPERATOR_SEED one of TENDER_OPERATORS of the market ${market}?`);
  }
  if (detail === 'unavailable') {
    // Whether something was done is for `grant` to say: everything else is harmless to type again.
    const [why] = message.split(';');
    const where = message.startsWith('no broker') ? ' Is one running, and is TENDER_MARKET right?' : '';
    return new RefusedByBank(`The bank of the market ${market} does not answer: ${why}.${where}`);
  }
  const Kind = detail === 'unknown' ? NotFound : RefusedByBank;
  return new Kind([`${detail}: ${message}`, ...whenItPasses(refusal)].join('. '));
}

function whenItPasses({ retryAt, retryAfterMs, priceMicro }: Refusal): string[] {
  const said: string[] = [];
  if (priceMicro !== undefined) said.push(`It would pass at ${showMicro(priceMicro)} credits`);
  if (retryAt !== undefined) {
    said.push(`The next window begins at ${showInstant(retryAt)}, in ${showLeft(retryAt - Date.now())}`);
  } else if (retryAfterMs !== undefined && retryAfterMs >= 1000) said.push(`It may pass in ${showLeft(retryAfterMs)}`);
  return said;
}
