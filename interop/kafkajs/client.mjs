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

if (flags.saga) await playSaga();

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

const sent = [
  ...(await produce("plain", 100, {}, CompressionTypes.None, 1)),
  ...(await produce("gzip", 100, {}, CompressionTypes.GZIP, -1)),
  ...(await produce("unanswered", 20, {}, CompressionTypes.None, 0)),
  ...(await produce("idempotent", 200, { idempotent: true, maxInFlightRequests: 1 }, CompressionTypes.None, -1)),
];

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
await admin.deleteTopics({ topics: [topic] });
await admin.disconnect();
