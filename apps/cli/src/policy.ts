// `tender policy`: the market's rules, read and replaced.
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { type Policy, policySpec, type Rule } from '@tender/market';
import { z } from 'zod';
import { asOperator, refusedByBank } from './as-operator.js';
import { type CliConfig, UsageError } from './config.js';
import { type OutputForm, print, printJson, showTable } from './table.js';

export function getPolicy(config: CliConfig, form: OutputForm): Promise<number> {
  return asOperator(config, async (operator) => {
    const answer = await operator.policy();
    if (!answer.ok) throw refusedByBank(answer, config.market);
    const { version, policy } = answer;
    // What `set` takes: to be edited and given back.
    if (form === 'json') printJson({ version, ...policy });
    else print(shown(version, policy, config.market));
    return 0;
  });
}

function shown(version: number, { rules }: Policy, market: string): string {
  const title = `The market ${market} has ${counted(rules.length)}, version ${version}.`;
  if (rules.length === 0) return title;
  return `${title}\n\n${showTable(['ID', 'KIND', 'SAYS', 'OF'], rules.map(row))}`;
}

function row({ id, kind, scope, ...says }: Rule): string[] {
  const pairs = (fields: object) =>
    Object.entries(fields).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(',') : value}`);
  return [id, kind, pairs(says).join('; '), pairs(scope).join('; ') || 'everything'];
}

const counted = (rules: number) => (rules === 1 ? '1 rule' : `${rules === 0 ? 'no' : rules} rules`);

/** `version`: which rules it was made from, as `get` printed it; somebody may have been faster. */
const fileSpec = z.object({ version: z.int().optional(), rules: z.unknown() }).strict();

export async function setPolicy(config: CliConfig, file: string, form: OutputForm): Promise<number> {
  const { version, policy } = await policyIn(file);
  return asOperator(config, async (operator) => {
    if (version !== undefined) {
      const now = await operator.policy();
      if (!now.ok) throw refusedByBank(now, config.market);
      if (now.version !== version) {
        throw new UsageError(
          `${file} was made from version ${version}, the market is at ${now.version}: \`tender policy get -o json\` shows what changed. Without "version" in the file it replaces whatever there is.`,
        );
      }
    }
    const answer = await operator.setPolicy(policy);
    if (!answer.ok) throw refusedByBank(answer, config.market);
    const rules = policy.rules.length;
    if (form === 'json') printJson({ status: answer.status, rules });
    else print(`The market ${config.market} has ${counted(rules)} now, ${answer.status}.`);
    return 0;
  });
}

async function policyIn(file: string): Promise<{ readonly version: number | undefined; readonly policy: Policy }> {
  const text = await (file === '-' ? textOf(process.stdin) : readFile(file, 'utf8')).catch((error: Error) => {
    throw new UsageError(`${file} cannot be read: ${error.message}`);
  });
  const outer = fileSpec.safeParse(jsonOf(text, file));
  if (!outer.success)
    throw new UsageError(`${file} is no policy: {"rules": […]}, as \`tender policy get -o json\` prints it.`);
  const parsed = policySpec.safeParse({ rules: outer.data.rules });
  if (parsed.success) return { version: outer.data.version, policy: parsed.data };
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new UsageError(`${file} is no policy:\n${lines.join('\n')}\nNothing was changed.`);
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
