/**
 * The control block: how the calling thread hands a job to the worker threads, and how all of them share its units.
 *
 * A job is one kernel over some number of units. Threads take units from an atomic counter until none is left, so a worker that wakes late (or never)
 * delays nothing. Kernels of several phases wait until all *units* of a phase are done, not for a number of threads.
 */

const GENERATION: usize = 1024;
/** Low bits: workers that entered the job. Bit 30: closed. */
const STATE: usize = 1088;
const LEFT: usize = 1152;
const KERNEL: usize = 1216;
const SLEEPERS: usize = 1280;
const MAY_WAIT: usize = 1284;
const TILE_ROWS: usize = 1288;
const TAKEN: usize = 1344; // 4 counters, a cache line each
const DONE: usize = 1600; // 4 counters, a cache line each
const ARGUMENTS: usize = 2304;

const CLOSED: i32 = 1 << 30;
const SPINS: i32 = 60000;

@inline export function argument(index: i32): i32 {
  return load<i32>(ARGUMENTS + (<usize>index << 2));
}
@inline export function pointer(index: i32): usize {
  return load<u32>(ARGUMENTS + (<usize>index << 2));
}
@inline export function number(index: i32): f32 {
  return load<f32>(ARGUMENTS + (<usize>index << 2));
}
export function argumentsAddress(): usize {
  return ARGUMENTS;
}

/** Rows of the register tile in use: 4 (of 16 columns) or 6 (of 8 columns). */
@inline export function tileRows(): i32 {
  return load<i32>(TILE_ROWS);
}
export function configure(rows: i32, mayWait: i32): void {
  store<i32>(TILE_ROWS, rows);
  store<i32>(MAY_WAIT, mayWait);
}

/** The next unit of a phase; kernels stop when it is past their last one. */
@inline export function nextUnit(phase: i32): i32 {
  return atomic.add<i32>(TAKEN + (<usize>phase << 6), 1);
}
@inline export function finishUnit(phase: i32): void {
  atomic.add<i32>(DONE + (<usize>phase << 6), 1);
}
/** Waits until `units` units of a phase are finished. */
export function awaitPhase(phase: i32, units: i32): void {
  const done = DONE + (<usize>phase << 6);
  for (let spins = 0; ; spins++) {
    const finished = atomic.load<i32>(done);
    if (finished >= units) return;
    // Who has the last unit may not be running: nap instead of keeping its core busy. Nobody notifies; 50 microseconds pass.
    if (spins > SPINS && load<i32>(MAY_WAIT)) atomic.wait<i32>(done, finished, 50000);
  }
}

/** For a job that the calling thread runs alone. */
export function resetUnits(): void {
  for (let i: usize = 0; i < 256; i += 64) {
    store<i32>(TAKEN + i, 0);
    store<i32>(DONE + i, 0);
  }
}

/** Offers a job to the workers; the arguments are in place. A negative kernel ends them. */
export function openJob(kernel: i32): void {
  resetUnits();
  store<i32>(KERNEL, kernel);
  atomic.store<i32>(LEFT, 0);
  atomic.store<i32>(STATE, 0);
  atomic.add<i32>(GENERATION, 1);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(GENERATION, -1);
}

/** Lets no more workers in, and waits for those who are. */
export function closeJob(): void {
  const entered = atomic.or<i32>(STATE, CLOSED) & (CLOSED - 1);
  for (let spins = 0; ; spins++) {
    const left = atomic.load<i32>(LEFT);
    if (left >= entered) return;
    // The machine may be busy with something else: give the core away, where the calling thread is allowed to wait.
    if (spins > SPINS && load<i32>(MAY_WAIT)) atomic.wait<i32>(LEFT, left, 100000);
  }
}

/** Workers that entered the last job before it was closed. */
export function helpersOfLastJob(): i32 {
  return load<i32>(LEFT);
}

/** In a worker: waits for the next job and returns its generation. */
export function awaitJob(seen: i32): i32 {
  let spins = 0;
  while (atomic.load<i32>(GENERATION) == seen) {
    if (++spins < SPINS) continue;
    atomic.add<i32>(SLEEPERS, 1);
    atomic.wait<i32>(GENERATION, seen, -1);
    atomic.sub<i32>(SLEEPERS, 1);
    spins = 0;
  }
  return atomic.load<i32>(GENERATION);
}
/** In a worker: the kernel to run, -1 when the pool ends, -2 when the job is over already. */
export function enterJob(): i32 {
  const state = atomic.add<i32>(STATE, 1);
  return state & CLOSED ? -2 : load<i32>(KERNEL);
}
export function leaveJob(): void {
  atomic.add<i32>(LEFT, 1);
  if (load<i32>(MAY_WAIT)) atomic.notify(LEFT, 1);
}
