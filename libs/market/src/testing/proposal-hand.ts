// A hand on the scripts of rules and approvals for tests: keys, digests and what a test does not care about made up.
import { bodyDigest, metaKey, runScript } from '@tender/credits/redis';
import type { Redis } from 'ioredis';
import type { FileProposalInput } from '../redis/proposal-scripts.js';
import { marketScripts } from '../redis/scripts.js';
import type { Detail } from '../refusal.js';

export class ProposalHand {
  readonly #redis: Redis;
  readonly #meta: string;
  #keys = 0;

  constructor(redis: Redis, market: string) {
    this.#redis = redis;
    this.#meta = metaKey(market);
  }

  #key(): string {
    this.#keys += 1;
    return `approval-${String(this.#keys).padStart(4, '0')}`;
  }

  setPolicy(text: string, key = this.#key()) {
    const input = { by: 'operator', key, digest: bodyDigest('policy', text), text };
    return runScript(this.#redis, marketScripts.setPolicy, this.#meta, input);
  }

  /** Ann's engagement in the conversation `c1`, for a second. */
  file(draft: Partial<FileProposalInput> = {}) {
    const { by = 'ann', key = this.#key(), digest: _digest, ...body } = draft;
    const asked = {
      ...{ about: 'engage' as const, buyer: 'ann', conversation: 'c1', rule: 'dear', message: 'too dear' },
      ...{ amountMicro: '500', withinMs: 1_000, text: '{"offers":[]}', ...body },
    };
    const input = { by, key, digest: bodyDigest('file-proposal', asked), ...asked };
    return runScript(this.#redis, marketScripts.fileProposal, this.#meta, input);
  }

  decide(proposal: string, verdict: 'approve' | 'deny', key = this.#key()) {
    const input = { by: 'operator', key, digest: bodyDigest('decide', { proposal, verdict }), kind: verdict, proposal };
    return runScript(this.#redis, marketScripts.decideProposal, this.#meta, input);
  }

  expire(proposal: string) {
    return runScript(this.#redis, marketScripts.decideProposal, this.#meta, { kind: 'expire', proposal });
  }

  close(
    proposal: string,
    end: { readonly contracts: readonly string[] } | { readonly detail: Detail; readonly message: string },
  ) {
    return runScript(this.#redis, marketScripts.closeProposal, this.#meta, { proposal, ...end });
  }
}
