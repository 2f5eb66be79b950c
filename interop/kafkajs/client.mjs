// Drives a Kafka listener with kafkajs: produce (plain, gzip, idempotent), consume
// from the beginning, a consumer group of two members with a rebalance; with --saga
// it plays the reservation service of the trip-booking saga. Exits with 1 and a
// line that says what was expected, if anything is not as on Kafka.

import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";

// kafkajs lives where the script beside this file has installed it.
const require = createRequire(process.env.KAFKAJS_DIR + "/");
const { Kafka, CompressionTypes, logLevel } = require("kafkajs");

const { values: flags } = parseArgs({ options: { bootstrap: { type: "string" }, saga: { type: "boolean" } } });
const partitions = 4;
const patienceMs = 60_000;

function check(condition, claim) {
  if (!condition) {
    console.error(`FAIL kafkajs: ${claim}`);
    process.exit(1);
  }
}

async function waitFor(condition, claim) {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    check(Date.now() < deadline, claim());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const kafka = new Kafka({ clientId: "interop", brokers: [flags.bootstrap], logLevel: logLevel.ERROR });
const topic = `interop-kafkajs-${randomUUID()}`;

// The world outside of the trip-booking saga.
async function playSaga() {
  const producer = kafka.producer();
  await producer.connect();
  const consumer = kafka.consumer({ groupId: `saga-${randomUUID()}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  const waiting = [];
  await consumer.subscribe({ topics: ["reservations", "workflow-result", "workflow-error"], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, message }) => {
      waiting.push({ topic, key: message.key.toString(), value: JSON.parse(message.value.toString()) });
    },
  });
  const send = (key, value) => producer.send({ topic: "workflow-resume", messages: [{ key, value }] });
  const reply = (key, request, outcome) => send(key, JSON.stringify({ ref: request.ref, ...outcome }));
  async function expect(key, topic, fields) {
    const matches = (r) =>
      r.key === key && r.topic === topic && Object.entries(fields).every(([name, want]) => r.value[name] === want);
    await waitFor(
      () => waiting.some(matches),
      () => `${topic} has no ${JSON.stringify(fields)} for ${key}, but ${JSON.stringify(waiting)}`,
    );
    return waiting.splice(waiting.findIndex(matches), 1)[0].value;
  }

  const booked = `trip-kafkajs-${randomUUID()}`;
  await send(booked, `new:{"customer":"Ada","city":"Lisbon"}`);
  for (const kind of ["flight", "car", "hotel"]) {
    const request = await expect(booked, "reservations", { action: "reserve", kind, customer: "Ada", city: "Lisbon" });
    await reply(booked, request, { value: { id: `${kind}-1`, price: 100 } });
  }
  await expect(booked, "workflow-result", { car: "car-1", hotel: "hotel-1", flight: "flight-1", total: 300 });

  const failed = `trip-kafkajs-${randomUUID()}`;
  await send(failed, `new:{"customer":"Bob","city":"Oslo"}`);
  const car = await expect(failed, "reservations", { action: "reserve", kind: "car" });
  await reply(failed, car, { value: { id: "car-2", price: 100 } });
  const hotel = await expect(failed, "reservations", { action: "reserve", kind: "hotel" });
  await reply(failed, hotel, { error: "no rooms" });
  await expect(failed, "reservations", { action: "withdraw", kind: "flight" });
  const cancel = await expect(failed, "reservations", { action: "cancel", kind: "car", id: "car-2" });
  await reply(failed, cancel, { value: null });
  await waitFor(
    () => waiting.some((r) => r.key === failed && r.topic === "workflow-error" && r.value === "no rooms"),
    () => `no error record for ${failed}, but ${JSON.stringify(waiting)}`,
  );
  await consumer.disconnect();
  await producer.disconnect();
}

// What follows belongs to this row of the table of features.
const feature = (name) => console.log(`FEATURE ${name}`);

if (flags.saga) {
  feature("trip-booking saga");
  await playSaga();
}

feature("produce and consume");

const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });

async function produce(prefix, count, config, compression, acks) {
  const producer = kafka.producer(config);
  await producer.connect();
  const messages = Array.from({ length: count }, (_, i) => ({
    key: String(i),
    value: `${prefix}-${i}`,
    headers: { from: "kafkajs" },
  }));
  for (let i = 0; i < count; i += 20) {
    await producer.send({ topic, acks, compression, messages: messages.slice(i, i + 20) });
  }
  await producer.disconnect();
  return messages.map((m) => m.value);
}

// Everything in a topic, or what is committed of it, in the order of its partitions.
async function readAll(name, readUncommitted, count) {
  const reader = kafka.consumer({ groupId: `reader-${randomUUID()}`, readUncommitted, maxWaitTimeInMs: 200 });
  await reader.connect();
  await reader.subscribe({ topic: name, fromBeginning: true });
  const messages = [];
  await reader.run({ eachMessage: async ({ message }) => void messages.push(message) });
  await waitFor(() => messages.length >= count, () => `${messages.length} of ${count} records of ${name}`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await reader.disconnect();
  return messages;
}

const sent = [];
async function readAgain() {
  const values = (await readAll(topic, true, sent.length)).map((m) => m.value.toString());
  check(values.sort().join() === [...sent].sort().join(), "consumed values differ from those produced");
}

sent.push(...(await produce("plain", 100, {}, CompressionTypes.None, 1)));
sent.push(...(await produce("unanswered", 20, {}, CompressionTypes.None, 0)));
await readAgain();
feature("codec gzip");
sent.push(...(await produce("gzip", 100, {}, CompressionTypes.GZIP, -1)));
await readAgain();
feature("idempotent producer");
sent.push(...(await produce("idempotent", 200, { idempotent: true, maxInFlightRequests: 1 }, CompressionTypes.None, -1)));
await readAgain();

// A member of a group that remembers what it was given and what it read.
async function member(groupId, seen) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 300, maxWaitTimeInMs: 200 });
  const m = { consumer, assigned: 0 };
  consumer.on(consumer.events.GROUP_JOIN, (e) => {
    m.assigned = (e.payload.memberAssignment[topic] ?? []).length;
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      seen.set(`${partition}/${message.offset}`, message.value.toString());
    },
  });
  return m;
}

feature("groups: classic protocol");
const group = `pair-${randomUUID()}`;
const seen = new Map();
const first = await member(group, seen);
await waitFor(() => seen.size === sent.length, () => `${seen.size} of ${sent.length} records`);
check([...seen.values()].sort().join() === [...sent].sort().join(), "consumed values differ from those produced");

const second = await member(group, seen);
await waitFor(
  () => first.assigned === 2 && second.assigned === 2,
  () => `two members have ${first.assigned} and ${second.assigned} partitions`,
);
const more = await produce("shared", 100, {}, CompressionTypes.None, -1);
const total = sent.length + more.length;
await waitFor(() => seen.size === total, () => `the members have ${seen.size} of ${total} records`);
await second.consumer.disconnect();
await waitFor(() => first.assigned === partitions, () => `the member that stays has ${first.assigned} partitions`);
await first.consumer.disconnect();

const offsets = await admin.fetchOffsets({ groupId: group, topics: [topic] });
const committed = offsets[0].partitions.reduce((sum, p) => sum + Number(p.offset), 0);
check(committed === total, `committed offsets sum to ${committed}, want ${total}`);
const ends = await admin.fetchTopicOffsets(topic);
check(ends.reduce((sum, p) => sum + Number(p.high), 0) === total, "high watermarks don't sum to what was sent");
const { groups } = await admin.describeGroups([group]);
check(groups[0].state === "Empty", `group is ${groups[0].state}, want Empty`);
await admin.deleteGroups([group]);

feature("headers and timestamps");
const own = `${topic}-own`;
await admin.createTopics({ topics: [{ topic: own, numPartitions: 1 }], waitForLeaders: true });
const producer = kafka.producer();
await producer.connect();
const headers = { from: "kafkajs", many: ["1", "2"] };
await producer.send({ topic: own, messages: [{ key: null, value: "v", timestamp: "1700000000000", headers }] });
await producer.disconnect();
const [stamped] = await readAll(own, true, 1);
check(stamped.timestamp === "1700000000000", `timestamp is ${stamped.timestamp}`);
check(stamped.key === null && stamped.headers.from.toString() === "kafkajs", "key or header is not what was sent");
check(stamped.headers.many.map(String).join() === "1,2", `headers of one name are ${stamped.headers.many}`);
const at = await admin.fetchTopicOffsetsByTimestamp(own, 1600000000000);
check(at[0].offset === "0", `offset by time is ${at[0].offset}`);

feature("transactions");
const ledger = `${topic}-ledger`;
await admin.createTopics({ topics: [{ topic: ledger, numPartitions: 1 }], waitForLeaders: true });
const transactional = () => kafka.producer({ transactionalId: `tx-${topic}`, idempotent: true, maxInFlightRequests: 1 });
const bank = transactional();
await bank.connect();
async function transact(value, end) {
  const transaction = await bank.transaction();
  await transaction.send({ topic: ledger, messages: [{ value }] });
  await end(transaction);
}
await transact("kept", (t) => t.commit());
await transact("dropped", (t) => t.abort());
await transact("kept too", (t) => t.commit());
const committedValues = (await readAll(ledger, false, 2)).map((m) => m.value.toString());
check(committedValues.join() === "kept,kept too", `committed are ${committedValues}`);
check((await readAll(ledger, true, 3)).length === 3, "uncommitted records are not seen");

feature("transactions: offsets of a group");
const etl = `etl-${randomUUID()}`;
const offsetOf = async () => (await admin.fetchOffsets({ groupId: etl, topics: [own] }))[0].partitions[0].offset;
const move = (offset) => ({ consumerGroupId: etl, topics: [{ topic: own, partitions: [{ partition: 0, offset }] }] });
await transact("moved", async (t) => {
  await t.sendOffsets(move("5"));
  await t.abort();
});
check((await offsetOf()) === "-1", "an aborted transaction has committed an offset");
await transact("moved", async (t) => {
  await t.sendOffsets(move("1"));
  await t.commit();
});
check((await offsetOf()) === "1", "a transaction has not committed its offset");
await bank.disconnect();

feature("configs of topics");
const { ConfigResourceTypes } = require("kafkajs");
const resource = { type: ConfigResourceTypes.TOPIC, name: own };
await admin.alterConfigs({ resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "3600000" }] }] });
const { resources } = await admin.describeConfigs({ resources: [{ ...resource, configNames: ["retention.ms"] }], includeSynonyms: false });
check(resources[0].configEntries[0].configValue === "3600000", "retention.ms is not what was set");

feature("groups: reset offsets");
// Not of the topic above: its one record is old, and may have been deleted.
const again = `again-${randomUUID()}`;
const offsetAgain = async (resolveOffsets) => (await admin.fetchOffsets({ groupId: again, topics: [topic], resolveOffsets }))[0].partitions[0].offset;
await admin.setOffsets({ groupId: again, topic, partitions: [{ partition: 0, offset: "1" }] });
check((await offsetAgain(false)) === "1", "an offset is not what was set");
// kafkajs commits -2, and looks up what that is when it reads.
await admin.resetOffsets({ groupId: again, topic, earliest: true });
check((await offsetAgain(false)) === "-2" && (await offsetAgain(true)) === "0", `a group that was reset is at ${await offsetAgain(true)}`);

feature("delete records");
await admin.deleteTopicRecords({ topic: own, partitions: [{ partition: 0, offset: "1" }] });
check((await admin.fetchTopicOffsets(own))[0].low === "1", "records are not deleted");

feature("topics: more partitions");
await admin.createPartitions({ topicPartitions: [{ topic: own, count: 3 }] });
const described = await admin.fetchTopicMetadata({ topics: [own] });
check(described.topics[0].partitions.length === 3, `there are ${described.topics[0].partitions.length} partitions`);

feature("ACLs");
const { AclResourceTypes, AclOperationTypes, AclPermissionTypes, ResourcePatternTypes } = require("kafkajs");
const acl = {
  resourceType: AclResourceTypes.TOPIC, resourceName: own, resourcePatternType: ResourcePatternTypes.LITERAL,
  principal: "User:alice", host: "*", operation: AclOperationTypes.READ, permissionType: AclPermissionTypes.ALLOW,
};
await admin.createAcls({ acl: [acl] });
const acls = await admin.describeAcls(acl);
check(acls.resources[0]?.acls[0]?.principal === "User:alice", `ACLs are ${JSON.stringify(acls)}`);
await admin.deleteAcls({ filters: [acl] });

feature("topics: create, list, describe, delete");
await admin.deleteTopics({ topics: [topic, own, ledger] });
check(!(await admin.listTopics()).includes(own), "a deleted topic is listed");
await admin.disconnect();
