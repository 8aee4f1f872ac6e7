// The swarm: accounts and credits for every agent, a key and a connection for each, or a place at a host.
import { type Agent, connectAgent, connectHost, connectOperator, createSeed, type Operator } from '@tender/agent';
import { type AdminRequest, publicNkeyOf } from '@tender/market';
import { CannotRun } from './cannot-run.js';
import { inParallel } from './parallel.js';

export interface SwarmOptions {
  readonly natsUrl: string;
  readonly market: string;
  readonly operator: { readonly id: string; readonly seed: string };
  readonly run: string;
  readonly agents: number;
  /** As many as agents: one connection each; fewer: so many hosts share them. */
  readonly connections: number;
  readonly grantMicro: number;
  /** So many agents, the first ones, are of class system: they may take the priority reserve. */
  readonly systemAgents: number;
  /** Told after each account that was opened and each agent that was connected. */
  readonly onProgress?: ((opened: number, connected: number) => void) | undefined;
}

export interface Swarm {
  readonly agents: readonly Agent[];
  close(): Promise<void>;
}

/** What stops a run before it starts, for people. */
export class SwarmError extends CannotRun {}

const CONNECT_AT_ONCE = 48;
/** Each waits for two answers of the bank; the bank itself takes them in batches. */
const OPEN_AT_ONCE = 256;

/** `agent-0007-k3x9`: unique on the market, and short on the board. */
export function agentId(run: string, number: number): string {
  return `agent-${String(number).padStart(4, '0')}-${run}`;
}

/** Opens the accounts and connects everybody. Throws SwarmError where the market refuses or does not answer. */
export async function openSwarm(options: SwarmOptions): Promise<Swarm> {
  const { natsUrl, market, operator, run, agents, connections } = options;
  const hosted = connections < agents;
  const hostOf = (number: number) => `host-${(number % connections) + 1}-${run}`;
  const members = Array.from({ length: agents }, (_, number) => ({
    id: agentId(run, number),
    seed: createSeed(),
    system: number < options.systemAgents,
    ...(hosted ? { host: hostOf(number) } : {}),
  }));
  const bank = await connectOperator({ servers: natsUrl, market, ...operator }).catch((error: unknown) => {
    throw new SwarmError(`No NATS server answers at ${natsUrl} (${String(error)}). Start a market with \`tender up\`.`);
  });
  try {
    let opened = 0;
    await inParallel(members, OPEN_AT_ONCE, async (member) => {
      await openMember(bank, member, String(options.grantMicro));
      options.onProgress?.(++opened, 0);
    });
  } finally {
    await bank.close();
  }
  return hosted ? connectHosted(options, members) : connectEach(options, members);
}

interface Member {
  readonly id: string;
  readonly seed: string;
  readonly system: boolean;
  readonly host?: string;
}

async function openMember(bank: Operator, member: Member, amountMicro: string): Promise<void> {
  const account: AdminRequest<'account'>['account'] = {
    id: member.id,
    kind: 'agent',
    class: member.system ? 'system' : 'standard',
    nkey: publicNkeyOf(member.seed),
    ...(member.host === undefined ? {} : { host: member.host }),
  };
  const opened = await bank.openAccount(account);
  const granted = opened.ok ? await bank.grant({ to: member.id, amountMicro }) : opened;
  if (!granted.ok) {
    throw new SwarmError(`The bank opens no account for ${member.id}: ${granted.detail}, ${granted.message}`);
  }
}

async function connectEach(options: SwarmOptions, members: readonly Member[]): Promise<Swarm> {
  let done = 0;
  const agents = await inParallel(members, CONNECT_AT_ONCE, async ({ id, seed }) => {
    const agent = await connectAgent({ servers: options.natsUrl, market: options.market, id, seed });
    options.onProgress?.(members.length, ++done);
    return agent;
  });
  return { agents, close: async () => void (await inParallel(agents, CONNECT_AT_ONCE, (agent) => agent.close())) };
}

async function connectHosted(options: SwarmOptions, members: readonly Member[]): Promise<Swarm> {
  const names = [...new Set(members.flatMap((member) => member.host ?? []))];
  const hosts = await inParallel(names, CONNECT_AT_ONCE, (id) =>
    connectHost({ servers: options.natsUrl, market: options.market, id }),
  );
  const byName = new Map(hosts.map((host) => [host.id, host]));
  let done = 0;
  const agents = await inParallel(members, CONNECT_AT_ONCE, async ({ id, seed, host }) => {
    const agent = await byName.get(host!)!.agent({ id, seed });
    options.onProgress?.(members.length, ++done);
    return agent;
  });
  return { agents, close: async () => void (await inParallel(hosts, CONNECT_AT_ONCE, (host) => host.close())) };
}
