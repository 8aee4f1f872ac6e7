// The effect door of the bank: the ledger on Redis, and the script loader that the market's scripts share.
export { connectRedis, redisReady } from './connect.js';
export { marketKey, metaKey } from './keys.js';
export { bodyDigest, RedisLedger, readAccount } from './redis-ledger.js';
export { creditsLua, defineScript, type LuaFolders, runScript, type Script } from './script.js';
export { type LedgerReply, ledgerScripts } from './scripts.js';
