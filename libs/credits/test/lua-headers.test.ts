// The ledger's .lua files against their headers and registry: what a script reads is declared, checks come before writes.
import { describeLua } from '../../../test/lua-headers.js';
import { creditsLua, ledgerScriptFields, ledgerScripts } from '../src/redis/index.js';

describeLua({ folder: creditsLua, scripts: ledgerScripts, fields: ledgerScriptFields });
