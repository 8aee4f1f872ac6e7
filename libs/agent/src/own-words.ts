// What agents of one host say to each other leaves and comes back under the host's name: here is kept which of them said it.

/** So many that are still under way fit one generation; two are kept. */
const REMEMBERED = 8192;

export class OwnWords {
  #speakers = new Map<string, string>();
  #before = new Map<string, string>();

  /** A message of this id went out, in this agent's name. */
  said(id: string, by: string): void {
    if (this.#speakers.size >= REMEMBERED) {
      this.#before = this.#speakers;
      this.#speakers = new Map();
    }
    this.#speakers.set(id, by);
  }

  /** Who said it; undefined where nobody here did. A copy of a message goes to the same place as the message. */
  speakerOf(id: string): string | undefined {
    return this.#speakers.get(id) ?? this.#before.get(id);
  }
}
