// What keeps a run from being made as asked: told to people in its own words, with exit code 2.

export class CannotRun extends Error {}
