// What every example needs first: the variables that say where the market is and who one is, or a word on how to get them.

const hint =
  'Start a market with `npm run tender -- up` and copy its exports into this terminal; as its operator, `node examples/set-up.mjs` prints how to run each example.';

function stop(message, code) {
  console.error(message);
  process.exit(code);
}

/** The environment, once these variables are in it; else says what is missing and ends with 2. */
export function environment(...names) {
  const missing = names.filter((name) => !process.env[name]);
  if (missing.length > 0) stop(`Not set: ${missing.join(', ')}. ${hint}`, 2);
  return process.env;
}

// An example that cannot go on says why, without the stack of a library.
process.on('uncaughtException', (error) => {
  if (error.code === 'CONNECTION_REFUSED') stop(`No NATS server answers at ${process.env.NATS_URL}. ${hint}`, 1);
  stop(error.message, 1);
});
