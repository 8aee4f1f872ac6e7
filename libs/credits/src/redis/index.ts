// The effect door of the bank: the ledger on Redis, and the script loader that the market's scripts share.
export { bodyDigest } from '../body-digest.js';
export { connectRedis, redisReady } from './connect.js';
export { marketKey, metaKey } from './keys.js';
export { RedisLedger } from './redis-ledger.js';
export { creditsLua, defineScript, runScript, type Script } from './script.js';
export { type LedgerReply, ledgerScriptFields, ledgerScripts } from './scripts.js';
