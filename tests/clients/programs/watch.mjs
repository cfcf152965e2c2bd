// Watches what is at the venue `behaviour`, and prints the reason of each change until it has printed `until`.
import { Client } from "../../../clients/typescript/dist/index.js";

const [, , address, until] = process.argv;
const client = new Client(address);
let isFirst = true;
for await (const update of client.watch({ venues: ["behaviour"] })) {
  if (isFirst) console.log("begun");
  isFirst = false;
  if (update.changeSet === undefined) continue;
  console.log(update.changeSet.reason);
  if (update.changeSet.reason === until) break;
}
client.close();
