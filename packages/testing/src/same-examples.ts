/**
 * Set-up of the Node tier: fast-check tries the same examples in each run, so that a test which passed here passes on another machine, too. FAST_CHECK_SEED=<n>
 * tries others.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FAST_CHECK_SEED'] ?? 1) });
