// A worker as the conductor holds it: a process of its own, tethered, with typed commands.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spawnTethered, type Tethered } from '@tender/stack';
import type { Answer, Role, WorkerConfig } from './protocol.js';

const workerMain = fileURLToPath(new URL('./worker-main.js', import.meta.url));

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Worker<R extends Role> {
  readonly name: string;
  readonly #process: Tethered;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(name: string, config: WorkerConfig, nodeFlags: readonly string[]) {
    this.name = name;
    this.#process = spawnTethered(process.execPath, [...nodeFlags, workerMain, JSON.stringify(config)], {
      name,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.#process.process.stdout! }).on('line', (line) => this.#take(line));
    void this.#process.exited.then(({ code, signal }) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} ended: ${signal ?? code}`));
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Rejects where the command fails: an unexpected status, a worker that died. */
  ask<K extends keyof R & string>(command: K, argument: Parameters<R[K]>[0]): Promise<Awaited<ReturnType<R[K]>>> {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#process.process.stdin!.write(`${JSON.stringify({ id, command, argument })}\n`);
    });
  }

  #take(line: string): void {
    const answer = JSON.parse(line) as Answer;
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.value);
    else waiting?.reject(new Error(`${this.name}: ${answer.error}`));
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}
