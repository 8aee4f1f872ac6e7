// `tender up`: a market that runs until Ctrl-C, and all that somebody needs to trade in it.
import { createSeed } from '@tender/agent';
import { CREDIT } from '@tender/credits';
import type { CliConfig } from './config.js';
import { type House, openHouse } from './house.js';
import type { HouseFlags } from './house-flags.js';
import { INTERRUPTED, onInterrupt } from './interrupt.js';
import { welcomeAgent } from './market-setup.js';

const say = (line: string) => void process.stdout.write(`# ${line}\n`);

/** Returns the exit code: 130 after Ctrl-C, 1 where the market broke down. */
export async function up(config: CliConfig, flags: HouseFlags): Promise<number> {
  const interrupt = onInterrupt();
  const opening = openHouse({ ...flags, config, market: config.market, say });
  const house = await Promise.race([opening, interrupt.signalled.then(() => undefined)]);
  if (house === undefined) {
    await opening.then(
      (late) => late.stop(),
      () => undefined,
    );
    return INTERRUPTED;
  }
  try {
    const you = { id: `you-${Date.now().toString(36)}`, seed: createSeed(), amountMicro: String(1000 * CREDIT) };
    const welcomed = welcomeAgent(house, you);
    // A bank whose Redis has died may take its time to say so.
    const early = await Promise.race([welcomed.then(() => ''), house.broken]);
    if (early !== '') {
      welcomed.catch(() => undefined);
      return brokenDown(early, flags);
    }
    if (flags.dir !== undefined)
      say(`the agent ${you.id} was made for you now; those of earlier starts keep their keys`);
    process.stdout.write(`${howTo({ house, pool: flags.plan.pool, you })}\n`);
    const why = await Promise.race([house.broken, interrupt.signalled.then(() => '')]);
    if (why === '') {
      say('the market is closed; nothing is left running');
      return INTERRUPTED;
    }
    return brokenDown(why, flags);
  } finally {
    await house.stop();
  }
}

function brokenDown(why: string, { dir }: HouseFlags): number {
  const kept = dir === undefined ? '(with --dir its data is kept)' : `with --dir ${dir}: its data is kept there`;
  process.stderr.write(`The market is down: ${why}\nStart it again ${kept}.\n`);
  return 1;
}

export interface HowTo {
  readonly house: Pick<House, 'natsUrl' | 'market' | 'env' | 'httpPorts'>;
  readonly pool: string;
  readonly you: { readonly id: string; readonly seed: string };
}

/** Shell code: what is no export is a comment. */
export function howTo({ house, pool, you }: HowTo): string {
  const { NATS_URL, TENDER_MARKET, ...forOperator } = house.env;
  const exports = (env: Readonly<Record<string, string | undefined>>) =>
    Object.entries(env).map(([name, value]) => `export ${name}=${value}`);
  return [
    '#',
    '# The market is open. In another terminal, for an agent (this one is new and has 1,000 credits):',
    ...exports({ NATS_URL, TENDER_MARKET, TENDER_POOL: pool, TENDER_AGENT: you.id, TENDER_AGENT_SEED: you.seed }),
    '# bid as that agent:   node examples/bid.mjs          (docs/sdk.md walks through it and more)',
    '#',
    '# For the operator: mints credits and reads the books; do not give it to agents.',
    ...exports(forOperator),
    '# a pool, a provider and a buyer of your own:  node examples/set-up.mjs   (prints how to run each)',
    '# let a swarm trade:   npm run tender -- sim --agents 100 --seconds 30',
    '# check the books:     npm run tender -- check',
    `# watch it:            curl http://127.0.0.1:${house.httpPorts[0] ?? 0}/metrics`,
    '#                      nats sub "tender.$TENDER_MARKET.event.>"',
    '# Ctrl-C closes the market.',
  ].join('\n');
}
