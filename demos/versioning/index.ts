// The application that looks after the versions of others. It is deployed once, on the resume topic "upgrades".

import { manage } from "./manager";
import { release, type ReleaseJob } from "./release";

/** `versions` has what happens to versions, for people; `releases` has requests to clean up after one. */
export const manifest = { outputTopics: ["versions", "releases"] };

export default async function main(job: { do: "manage" } | ReleaseJob): Promise<string> {
  switch (job.do) {
    case "manage":
      return manage();
    case "release":
      return release(job);
    default:
      throw new Error(`${JSON.stringify(job)} is no job`);
  }
}
