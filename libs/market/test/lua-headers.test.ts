// The market's .lua files against their headers and registry: what a script reads is declared, checks come before writes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeLua } from '../../../test/lua-headers.js';
import { marketScriptFields, marketScripts } from '../src/redis/scripts.js';
import { openPool, POOL_ACCOUNT, SELLER } from '../src/testing/index.js';
import { startTestRedis, type TestRedis } from './market-under-test.js';

describeLua({
  folder: new URL('../src/redis/lua/', import.meta.url),
  scripts: marketScripts,
  fields: marketScriptFields,
  reading: ['snapshot.lua', 'offer.lua', 'bucket-view.lua'],
  // The award's commit is a function, the checks stand in the one that calls it.
  bodyOf: (file, lua) => (file === 'award.lua' ? lua.slice(lua.indexOf('local function award_one')) : lua),
});

describe('prices that are no digits', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startTestRedis();
  });
  afterAll(() => server.stop());

  it.each(['nan', '1e3', '0x10', '-1', '', '007', '1.5', '123456789012345'])(
    '%j opens no call and no pool',
    async (price) => {
      const { hand, redis, market, dump } = await server.market();
      await hand.lock('gpu', [0], 'lock-c1');
      const before = await dump();
      const opened = await hand.openCall({ cfp: 'c1', slots: [0], reservePriceMicro: price });
      expect(opened).toMatchObject({ ok: false, detail: 'malformed' });
      const pool = { pool: 'gpu', slots: 8, account: POOL_ACCOUNT, seller: SELLER, reservePriceMicro: price };
      await expect(openPool(redis, market, pool)).rejects.toThrow('malformed');
      expect(await dump()).toEqual(before);
    },
  );
});
