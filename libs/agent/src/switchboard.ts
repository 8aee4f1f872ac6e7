// What a sender listens to, each subject once: talk, announced calls, bids. Whoever speaks for it shares them.
import { subjects, type TaskMessage } from '@tender/market';
import type { Subscription } from 'nats';
import { CallBoard } from './call-board.js';
import type { Link, Received } from './link.js';
import { TalkHub } from './talk-hub.js';
import { type AuctionBid, isAboutTask, readBid } from './wire-reader.js';

export class Switchboard {
  readonly link: Link;
  readonly talk: TalkHub;
  readonly board: CallBoard;
  /** The agents that it speaks for. */
  readonly agents = new Set<string>();
  /** Takes bids for slots. */
  onAuctionBid: (got: Received<AuctionBid>) => void = () => this.link.ignore('unknown');
  #bids: Subscription | undefined;

  constructor(link: Link) {
    this.link = link;
    this.talk = new TalkHub(link);
    this.board = new CallBoard(link);
  }

  /** From now on answers to calls are heard; asked for by whoever calls. */
  takeBids(): void {
    const { link } = this;
    this.#bids ??= link.subscribe(
      subjects.bids(link.market, link.sender),
      readBid,
      (got) => {
        if (isAboutTask(got.message)) this.talk.heardBid(got as Received<TaskMessage>);
        else this.onAuctionBid(got as Received<AuctionBid>);
      },
      (from, bytes) => link.distrust.ignores(from, bytes),
    );
  }

  close(): void {
    this.talk.close();
    this.board.close();
    if (!this.link.nc.isClosed()) this.#bids?.unsubscribe();
  }
}
