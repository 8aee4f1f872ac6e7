// Budgets by the day: a test that begins a minute before midnight begins after it.

const DAY_MS = 86_400_000;

/** A window must not turn in the middle. */
export async function farFromMidnight(): Promise<void> {
  const left = DAY_MS - (Date.now() % DAY_MS);
  if (left < 60_000) await new Promise((resume) => setTimeout(resume, left + 100));
}
