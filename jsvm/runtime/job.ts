// The job queue: ECMAScript 9.5. Jobs are objects of registered classes, so a thread can be saved between any two.

import { fault, now, running, setOwner, stepFault } from "./thread";
import { followThenable, react, reportError } from "./promise";

const apply = Reflect.apply;

/** A promise reaction that is due: NewPromiseReactionJob, ECMAScript 27.2.2.1. */
export class ReactionJob {
  declare reaction: any;
  /** 1 fulfilled, 2 rejected. */
  declare state: number;
  declare value: unknown;

  run(): void {
    const { reaction, state, value } = this;
    spare = this;
    react(reaction, state, value);
  }
}

/** A job that has begun and is in no queue: what it does mostly ends with the making of another. Forgotten at the end of a drain. */
let spare: any;
const reactionJobPrototype = ReactionJob.prototype;

/** A promise that was resolved with a thenable: NewPromiseResolveThenableJob, ECMAScript 27.2.2.2. */
export class ThenableJob {
  promise: any;
  thenable: any;
  then: Function;
  owner: any;
  constructor(promise: any, thenable: any, then: Function, owner: any) {
    this.promise = promise;
    this.thenable = thenable;
    this.then = then;
    this.owner = owner;
  }

  run(): void {
    setOwner(this.owner);
    followThenable(this.promise, this.thenable, this.then);
  }
}

/** A callback of queueMicrotask. */
export class CallbackJob {
  callback: Function;
  owner: any;
  constructor(callback: Function, owner: any) {
    this.callback = callback;
    this.owner = owner;
  }

  run(): void {
    setOwner(this.owner);
    try {
      apply(this.callback, undefined, []);
    } catch (error) {
      reportError(error);
    }
  }
}

/** Enqueues a ReactionJob. */
export function enqueueReaction(reaction: any, state: number, value: unknown): void {
  const { jobs } = now;
  const job = spare;
  if (job === undefined) {
    jobs[jobs.length] = { __proto__: reactionJobPrototype, reaction, state, value };
    return;
  }
  spare = undefined;
  job.reaction = reaction;
  job.state = state;
  job.value = value;
  jobs[jobs.length] = job;
}

export function enqueue(job: ReactionJob | ThenableJob | CallbackJob): void {
  const { jobs } = now;
  jobs[jobs.length] = job;
}

let afterJobs: () => void = () => {};

/** What the running job resumes, for the stacks of errors; undefined between jobs, and for a job that resumes nothing. */
let atWork: any;

export function reactionAtWork(): any {
  return atWork;
}

/** Calls after at the end of each drain. */
export function afterEachDrain(after: () => void): void {
  afterJobs = after;
}

/** Runs jobs until none is left, or until the step has failed. */
export function drain(): void {
  const { jobs } = now;
  for (let i = 0; i < jobs.length && fault === undefined; i++) {
    // A long chain of jobs must not keep what it has done with.
    if (i === 1024) {
      jobs.splice(0, i);
      i = 0;
    }
    const job = jobs[i];
    jobs[i] = undefined;
    atWork = job.reaction;
    job.run();
  }
  atWork = undefined;
  jobs.length = 0;
  spare = undefined;
  setOwner(running.scope);
  afterJobs();
}

/** Whether a job is left. Throws the fault if the step has failed: a thread that is moved to another VM would leave it behind. */
export function hasJobs(): boolean {
  if (stepFault() !== undefined) throw stepFault();
  return now.jobs.length > 0;
}

/** Runs one job; false if there is none. For hosts that save between jobs. */
export function drainOne(): boolean {
  if (now.jobs.length === 0 || stepFault() !== undefined) return false;
  const job = now.jobs.shift();
  atWork = job.reaction;
  job.run();
  atWork = undefined;
  spare = undefined;
  setOwner(running.scope);
  afterJobs();
  return true;
}
