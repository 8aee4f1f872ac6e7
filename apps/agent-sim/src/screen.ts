// Shows the board: in place on a terminal, as plain lines elsewhere; never more often than people can read.
import { drawBoard, plainLine } from './board.js';
import type { BoardView } from './board-view.js';

/** What is written to: process.stdout, or a test's. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
  on?(event: 'resize', listener: () => void): unknown;
}

export interface ScreenOptions {
  readonly output: Output;
  readonly live: boolean;
  readonly coloured: boolean;
}

const PLAIN_EVERY_MS = 5_000;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Terminals that know synchronised output show a frame at once; the others ignore it. */
const FRAME_START = '\u001b[?2026h';
const FRAME_END = '\u001b[?2026l';

export class Screen {
  readonly #options: ScreenOptions;
  #drawn = 0;
  #plainAtMs = Number.NEGATIVE_INFINITY;
  #resized = false;
  #closed = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
    options.output.on?.('resize', () => {
      this.#resized = true;
    });
  }

  /** Draws one frame; call it at most five times a second. */
  show(view: BoardView): void {
    if (this.#closed) return;
    if (!this.#options.live) {
      this.#showPlain(view);
      return;
    }
    const { output, coloured } = this.#options;
    // The last row stays free: a line end there would scroll the picture away.
    const size = { columns: output.columns ?? 80, rows: (output.rows ?? 24) - 1, coloured };
    const lines = drawBoard(view, size);
    // After a resize the terminal has broken lines anew, so that the old frame's height is unknown.
    const home = this.#resized ? '\u001b[2J\u001b[H' : this.#drawn > 0 ? `\u001b[${this.#drawn}A\r` : '';
    const body = lines.map((line) => `${line}\u001b[K\n`).join('');
    output.write(`${FRAME_START}${HIDE_CURSOR}${home}${body}\u001b[J${FRAME_END}`);
    this.#drawn = lines.length;
    this.#resized = false;
  }

  /** Gives the cursor back; the last frame stays. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#options.live && this.#drawn > 0) this.#options.output.write(SHOW_CURSOR);
  }

  #showPlain(view: BoardView): void {
    if (view.nowMs - this.#plainAtMs < PLAIN_EVERY_MS) return;
    this.#plainAtMs = view.nowMs;
    this.#options.output.write(`${plainLine(view)}\n`);
  }
}
