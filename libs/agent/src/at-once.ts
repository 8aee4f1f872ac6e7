// What is there already is gone on with at once: a promise that nobody needs makes the other side wait for its turns.

/** `next` of a value, or of what a promise comes to. */
export function atOnce<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
