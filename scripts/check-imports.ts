/** Checks the import table, the project references that follow from it, and that no packages depend on each other in a circle. */
import { dependencyCircles, importBreaches, referenceBreaches, solutionBreaches } from './lib/imports.ts';
import { listPackages, listPublicPackages } from './lib/workspace.ts';

const packages = listPackages(['packages']);
const breaches = [
  ...packages.flatMap(importBreaches),
  ...listPublicPackages().flatMap(referenceBreaches),
  ...solutionBreaches(listPublicPackages()),
  ...dependencyCircles([...packages, ...listPackages(['apps'])]),
];
for (const breach of breaches) process.stdout.write(`${breach}\n`);
process.exitCode = breaches.length === 0 ? 0 : 1;
