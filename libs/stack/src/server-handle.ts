// What a fault test holds in its hand: one server that it can kill and start again on the same port and data.

export interface ServerHandle {
  /** nats://127.0.0.1:<port> or redis://127.0.0.1:<port>; the same after a restart. */
  readonly url: string;
  /** The server's own pid, another one after a restart; undefined for a server that is not ours (`how` is 'url'). */
  readonly pid: number | undefined;
  /** The step that found it: url, named, path, cache, debian or docker. */
  readonly how: string;
  readonly alive: boolean;
  /** Where the server writes what it has to say; undefined where that is not ours. */
  readonly logFile: string | undefined;
  /** Sends the signal; waits for the end, save for signals that end nothing (SIGSTOP, SIGCONT …). */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it if it still runs, starts it on the same port and data, and resolves when it answers. */
  restart(): Promise<void>;
}

/** A server that NATS_URL or REDIS_URL named: it is used, and nobody here may kill it. */
export function foreignServer(url: string): ServerHandle {
  const refuse = async (): Promise<never> => {
    throw new Error(`${withoutSecret(url)} was named by the environment: it is not ours to kill or restart.`);
  };
  return { url, pid: undefined, how: 'url', alive: true, logFile: undefined, kill: refuse, restart: refuse };
}

/** The URL as it may stand in a log. */
export function withoutSecret(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
