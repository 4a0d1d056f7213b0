/** Checks the rules of the supply chain and of what is published, one line each. */
import { policies } from './lib/policy.ts';

let broken = 0;
for (const { name, find } of policies) {
  const breaches = await find();
  process.stdout.write(`${breaches.length === 0 ? 'ok    ' : 'FAILED'} ${name}\n`);
  for (const breach of breaches) process.stdout.write(`         ${breach}\n`);
  if (breaches.length > 0) broken += 1;
}
process.exitCode = broken === 0 ? 0 : 1;
