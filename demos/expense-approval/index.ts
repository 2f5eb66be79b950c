// An expense waits for people: one approver is asked and reminded, then the next one.
//
// Each approver gets a ref of their own, in a race with the reminders. Once the reminders have won, that ref is taken back.

import * as W from "kont";

export const manifest = { outputTopics: ["approvals"] };

/** Starts an approval. */
export interface Expense {
  employee: string;
  purpose: string;
  amount: number;
  /** Who is asked, one after the other. */
  approvers: string[];
  /** How often each of them is reminded before the next one is asked; twice if absent. */
  reminders?: number;
  /** Milliseconds before each reminder, and after the last one; a day if absent. */
  interval?: number;
}

/** What fulfils the ref of a request. */
export interface Decision {
  approved: boolean;
  comment?: string;
}

/** A record on `approvals`. `withdraw` says that a decision comes too late from now on. */
export type Notice = { approver: string; ref: string } & (
  | { action: "decide"; employee: string; purpose: string; amount: number }
  | { action: "remind"; reminder: number }
  | { action: "withdraw" }
);

/** The result of the thread. */
export type Outcome = { status: "approved" | "rejected"; approver: string; comment?: string } | { status: "expired" };

const DAY = 24 * 60 * 60 * 1000;
const SILENCE = Symbol("silence");

export default async function approve(expense: Expense): Promise<Outcome> {
  for (const approver of expense.approvers) {
    const decision = await ask(approver, expense);
    if (decision === SILENCE) continue;
    const { approved, comment } = checked(decision);
    return { status: approved ? "approved" : "rejected", approver, comment };
  }
  return { status: "expired" };
}

async function ask(approver: string, { employee, purpose, amount, reminders = 2, interval = DAY }: Expense) {
  const decision = W.ref<Decision>("decision");
  const ref = decision.id;

  async function remind(): Promise<typeof SILENCE> {
    for (let reminder = 1; reminder <= reminders; reminder++) {
      await W.sleep(interval);
      notify({ action: "remind", approver, ref, reminder });
    }
    await W.sleep(interval);
    notify({ action: "withdraw", approver, ref });
    return SILENCE;
  }

  notify({ action: "decide", approver, ref, employee, purpose, amount });
  return Promise.race([decision, remind()]);
}

/** Decisions come from outside, and nothing but a clear yes is one. */
function checked(decision: Decision): Decision {
  if (typeof decision?.approved !== "boolean") throw new Error(`${JSON.stringify(decision)} is no decision`);
  return decision;
}

function notify(notice: Notice) {
  W.outputJSON(notice, "approvals");
}
