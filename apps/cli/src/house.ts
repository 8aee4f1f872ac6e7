// A whole market of one's own: servers, brokers, steward and pool, up together and down together.
import { mkdir } from 'node:fs/promises';
import { publicNkeyOf } from '@tender/market';
import { startStack } from '@tender/stack';
import { type BrokerProcess, startBroker } from './app-process.js';
import type { CliConfig } from './config.js';
import { deathBehind, firstDeath } from './first-death.js';
import { keptMarketKeys, type MarketKeys, newMarketKeys } from './market-keys.js';
import { OPERATOR, type PoolPlan, STEWARD, setUpMarket } from './market-setup.js';

export interface HouseOptions {
  readonly config: CliConfig;
  readonly market: string;
  /** The pool that is opened, with a steward that sells it; none where it is absent. */
  readonly plan?: PoolPlan | undefined;
  readonly brokers: number;
  readonly termMs: number;
  /** Where data and keys are kept; default: a temporary folder that goes away with the house. */
  readonly dir?: string | undefined;
  /** Default: 9464, or a free one where that is taken. */
  readonly httpPort?: number | undefined;
  readonly say: (line: string) => void;
}

export interface House {
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly market: string;
  readonly keys: MarketKeys;
  readonly httpPorts: readonly number[];
  /** Settles when a server or a broker ends that nobody stopped, with which did; never rejects. */
  readonly broken: Promise<string>;
  /** What `tender sim`, `tender check` and the simulator read. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * How long a call takes bids. Five hundred agents in one process need some 30 ms to read a call and seal their bids: a
 * window twice that long would turn many away as late on a busy machine, a longer one would make every job wait.
 */
const WINDOW_MS = 100;
/** Where a scraper looks first. */
const HTTP_PORT = 9464;

export async function openHouse(options: HouseOptions): Promise<House> {
  const { config, market, dir, say } = options;
  if (dir !== undefined) await mkdir(dir, { recursive: true });
  const keys = dir === undefined ? newMarketKeys() : await keptMarketKeys(dir);
  // What ends a server that was in use is told by `broken`; that a house goes down in good order is no news.
  let starting = true;
  let down = false;
  const stack = await startStack({
    name: 'tender',
    log: (line) => starting && say(line),
    env: { ...config.inherited },
    ...(dir === undefined ? {} : { dir }),
  });
  const brokers: BrokerProcess[] = [];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    starting = false;
    // A broker whose servers are gone has nothing left to finish.
    stopping ??= Promise.all(brokers.map(({ process }) => process.stop(down ? 300 : undefined))).then(() =>
      stack.stop(),
    );
    return stopping;
  };
  try {
    const { natsUrl, redisUrl } = stack;
    for (let number = 1; number <= options.brokers; number++) {
      brokers.push(await nextBroker({ ...options, natsUrl, redisUrl, keys }, number));
    }
    say(`${brokers.length === 1 ? 'a broker' : `${brokers.length} brokers`} of market ${market}`);
    starting = false;
    const broken = firstDeath(stack, brokers, () => stopping !== undefined);
    void broken.then(() => {
      down = true;
    });
    // A bank whose Redis has died may take its time to say so.
    const died = broken.then((why) => Promise.reject(new Error(`The market cannot be set up: ${why}.`)));
    died.catch(() => undefined);
    if (options.plan !== undefined) {
      const { plan } = options;
      await Promise.race([setUpMarket({ natsUrl, market, keys, plan }), died]);
      const { pool, slots, reserve } = plan;
      say(`pool ${pool}: ${slots} slots${reserve > 0 ? `, ${reserve} of them the priority reserve` : ''}`);
    }
    const env = {
      NATS_URL: natsUrl,
      REDIS_URL: redisUrl,
      TENDER_MARKET: market,
      TENDER_OPERATOR_SEED: `${OPERATOR}:${keys.operatorSeed}`,
    };
    return { natsUrl, redisUrl, market, keys, httpPorts: brokers.map((broker) => broker.httpPort), broken, env, stop };
  } catch (error) {
    const death = await deathBehind(stack);
    await stop();
    throw death === '' ? error : new Error(`The market cannot be opened: ${death}.`);
  }
}

type BrokerOptions = HouseOptions & Pick<House, 'natsUrl' | 'redisUrl' | 'keys'>;

/** The first broker has the steward and the port that was asked for; where none was, any will do. */
async function nextBroker(options: BrokerOptions, number: number): Promise<BrokerProcess> {
  const start = (httpPort: number) =>
    startBroker(brokerEnv({ ...options, httpPort, first: number === 1 }), `broker ${number}`);
  if (number > 1) return start(0);
  if (options.httpPort !== undefined) return start(options.httpPort);
  return start(HTTP_PORT).catch((error: Error) => {
    if (!error.message.includes('EADDRINUSE')) throw error;
    return start(0);
  });
}

function brokerEnv(
  options: BrokerOptions & { httpPort: number; first: boolean },
): Readonly<Record<string, string | undefined>> {
  const { config, keys, plan, first } = options;
  const terms = { rule: 'uniform-price', durationMs: options.termMs, windowMs: WINDOW_MS, seals: ['mac'] };
  const steward = plan && first && { id: STEWARD, seed: keys.stewardSeed, pools: [{ pool: plan.pool, ...terms }] };
  return {
    ...config.inherited,
    NATS_URL: options.natsUrl,
    REDIS_URL: options.redisUrl,
    TENDER_MARKET: options.market,
    TENDER_SECRET: keys.secret,
    TENDER_OPERATORS: `${OPERATOR}:${publicNkeyOf(keys.operatorSeed)}`,
    TENDER_STEWARD: steward ? JSON.stringify(steward) : undefined,
    HTTP_PORT: String(options.httpPort),
  };
}
