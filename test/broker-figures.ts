// What brokers tell of themselves at /metrics, for tests that wait for it or judge it.
import { type AddressInfo, createServer } from 'node:net';
import type { Tethered } from '@tender/stack';
import type { MarketUnderTest } from './market-under-test.js';

/** Brokers whose figures can be read, as long as all of them live. */
export class BrokerFigures {
  readonly #market: MarketUnderTest;
  readonly #brokers: { readonly process: Tethered; readonly port: number }[] = [];

  constructor(market: MarketUnderTest) {
    this.#market = market;
  }

  /** Starts one more broker. */
  async broker(): Promise<Tethered> {
    const port = await freePort();
    const process = await this.#market.broker({ HTTP_PORT: String(port) });
    this.#brokers.push({ process, port });
    return process;
  }

  /** Kills all of them: the next ones know what they read. */
  async kill(): Promise<void> {
    await Promise.all(this.#brokers.splice(0).map(({ process }) => process.kill('SIGKILL')));
  }

  /** Of all of them: the values of a figure, whatever its labels. */
  async of(name: string): Promise<number[]> {
    const texts = await Promise.all(
      this.#brokers.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
    );
    return texts.flatMap((text) =>
      text
        .split('\n')
        .filter((line) => [`${name}{`, `${name} `].some((start) => line.startsWith(start)))
        .map((line) => Number(line.split(' ').at(-1))),
    );
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
