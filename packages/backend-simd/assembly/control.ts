/**
 * The control block: how the calling thread hands jobs to the worker threads, and how all of them share the units of a job.
 *
 * Jobs wait in a queue, in order. The calling thread puts them there and goes on; any thread that is free takes the first one ("leads" it) once the one before is
 * done, and all others may help. A job is one kernel over some number of units, which threads take from an atomic counter until none is left, so a thread that
 * wakes late (or never) delays nothing. Kernels of several phases wait until all *units* of a phase are done, not for a number of threads.
 */

/** Changes when a job is put or offered to helpers: what idle threads watch. */
const EVENT: usize = 1024;
/** Low bits: helpers that entered the job. Bit 30: closed. */
const STATE: usize = 1088;
const LEFT: usize = 1152;
const KERNEL: usize = 1216;
/** Bits of the threads that took part in the last job that was shared. */
const PARTICIPANTS: usize = 1220;
const SLEEPERS: usize = 1280;
const MAY_WAIT: usize = 1284;
const WIDE_TILE: usize = 1288;
const ENDED: usize = 1292;
const TAKEN: usize = 1344; // 4 counters, a cache line each
const DONE: usize = 1600; // 4 counters, a cache line each
/** Whether somebody leads a job. */
const LEADER: usize = 1856;
/** Jobs done, and jobs ever put. */
const HEAD: usize = 1920;
const TAIL: usize = 1984;
const ARGUMENTS: usize = 2304;
/** A ring of jobs: kernel, whether it is shared, arguments. Sizes as in src/engine/wasm-engine.ts. */
const QUEUE: usize = 65536;
const JOB_BYTES: usize = 256;
const CAPACITY: i32 = 256;

const CLOSED: i32 = 1 << 30;
const SPINS: i32 = 60000;

/** Number of the last job that this thread helped with. */
let helped: i32 = -1;
/** Whether this thread leads a job, and whether it is shared. */
let leads: bool = false;
let shared: bool = false;

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

/** Whether the register tile in use has 16 columns; else 8. */
@inline export function hasWideTile(): bool {
  return load<i32>(WIDE_TILE) != 0;
}
export function configure(tileColumns: i32, mayWait: i32): void {
  store<i32>(WIDE_TILE, tileColumns == 16 ? 1 : 0);
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

/** For a job that the calling thread runs at once, alone. */
export function resetUnits(): void {
  for (let i: usize = 0; i < 256; i += 64) {
    store<i32>(TAKEN + i, 0);
    store<i32>(DONE + i, 0);
  }
}

export function queueAddress(): usize {
  return QUEUE;
}
/** Jobs that aren't done. */
export function pending(): i32 {
  return load<i32>(TAIL) - atomic.load<i32>(HEAD);
}
/** Puts the job that was written to the end of the queue. */
export function put(): void {
  atomic.add<i32>(TAIL, 1);
  announce();
}
/** Ends the workers. */
export function end(): void {
  store<i32>(ENDED, 1);
  announce();
}
function announce(): void {
  atomic.add<i32>(EVENT, 1);
  if (atomic.load<i32>(SLEEPERS) > 0) atomic.notify(EVENT, -1);
}

/** A kernel to run now, as a helper or as the leader of the next job; -1 when there is none. `finish` has to follow. */
function take(thread: i32): i32 {
  const job = atomic.load<i32>(HEAD);
  if (job != helped && !(atomic.load<i32>(STATE) & CLOSED)) {
    helped = job;
    if (!(atomic.add<i32>(STATE, 1) & CLOSED)) {
      atomic.or<i32>(PARTICIPANTS, 1 << thread);
      return load<i32>(KERNEL);
    }
  }
  if (atomic.load<i32>(TAIL) == job || atomic.load<i32>(LEADER) || atomic.cmpxchg<i32>(LEADER, 0, 1)) return -1;
  if (!pending()) {
    atomic.store<i32>(LEADER, 0);
    return -1;
  }
  return lead(thread);
}

/** Begins the next job and offers it to the others. */
function lead(thread: i32): i32 {
  const head = load<i32>(HEAD);
  const entry = QUEUE + <usize>(head & (CAPACITY - 1)) * JOB_BYTES;
  const kernel = load<i32>(entry);
  memory.copy(ARGUMENTS, entry + 8, JOB_BYTES - 8);
  resetUnits();
  leads = true;
  helped = head;
  shared = load<i32>(entry, 4) != 0;
  if (shared) {
    store<i32>(KERNEL, kernel);
    store<i32>(PARTICIPANTS, 1 << thread);
    atomic.store<i32>(LEFT, 0);
    atomic.store<i32>(STATE, 0);
    announce();
  }
  return kernel;
}

/** To be called after the kernel: the leader waits for those who help it. */
export function finish(): void {
  if (!leads) {
    atomic.add<i32>(LEFT, 1);
    return;
  }
  leads = false;
  if (shared) {
    const entered = atomic.or<i32>(STATE, CLOSED) & (CLOSED - 1);
    for (let spins = 0; ; spins++) {
      const left = atomic.load<i32>(LEFT);
      if (left >= entered) break;
      // The machine may be busy with something else: give the core away, where the thread is allowed to wait. Nobody notifies.
      if (spins > SPINS && load<i32>(MAY_WAIT)) atomic.wait<i32>(LEFT, left, 50000);
    }
  }
  atomic.add<i32>(HEAD, 1);
  atomic.store<i32>(LEADER, 0);
}

/** In a worker: the next kernel to run; sleeps until there is one. -1 when the pool ends. */
export function awaitJob(thread: i32): i32 {
  let spins = 0;
  while (true) {
    const event = atomic.load<i32>(EVENT);
    if (load<i32>(ENDED)) return -1;
    const kernel = take(thread);
    if (kernel >= 0) return kernel;
    while (atomic.load<i32>(EVENT) == event && ++spins < SPINS);
    if (spins < SPINS) continue;
    atomic.add<i32>(SLEEPERS, 1);
    atomic.wait<i32>(EVENT, event, -1);
    atomic.sub<i32>(SLEEPERS, 1);
    spins = 0;
  }
}

/** In the calling thread: the next kernel to run until at most `most` jobs are left; then -1. */
export function drain(most: i32): i32 {
  let spins = 0;
  while (true) {
    const left = pending();
    if (left <= most) return -1;
    const kernel = take(0);
    if (kernel >= 0) return kernel;
    if (++spins > SPINS && load<i32>(MAY_WAIT)) atomic.wait<i32>(HEAD, load<i32>(TAIL) - left, 50000);
  }
}

/** Workers that took part in the last job that was shared. */
export function helpersOfLastJob(): i32 {
  return popcnt<i32>(load<i32>(PARTICIPANTS) & ~1);
}
