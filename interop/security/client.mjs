// Writes a record and reads it back with kafkajs, once for each way to log in. Arguments as of client.py; kafkajs is
// below the directory KAFKAJS_DIR.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";

const given = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split(/=(.*)/s)));
const { Kafka, logLevel } = createRequire(`${process.env.KAFKAJS_DIR}/`)("kafkajs");
const file = (name) => readFileSync(`${given.DIR}/${name}`, "utf8");
const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0.";

async function trip(settings) {
  const kafka = new Kafka({ clientId: "secure", logLevel: logLevel.NOTHING, retry: { retries: 2 }, ...settings });
  const topic = "secure-kafkajs";
  const value = randomUUID();
  const producer = kafka.producer({ allowAutoTopicCreation: true });
  const consumer = kafka.consumer({ groupId: `secure-${randomUUID()}` });
  try {
    await producer.connect();
    await producer.send({ topic, messages: [{ value }] });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("the record is not read")), 30_000).unref();
      consumer.run({ eachMessage: async ({ message }) => message.value.toString() === value && resolve() }).catch(reject);
    });
  } finally {
    await consumer.disconnect().catch(() => {});
    await producer.disconnect().catch(() => {});
  }
}

async function feature(name, settings) {
  console.log(`FEATURE ${name}`);
  await trip(settings).catch((e) => console.log(`BROKEN ${e.message}`));
}

const ssl = { ca: [file("ca.crt")] };
const sasl = (mechanism, rest) => ({ brokers: [given.SASL], ssl, sasl: { mechanism, ...rest } });
const alice = { username: "alice", password: "secret" };
await feature("TLS", { brokers: [given.TLS], ssl });
await feature("mutual TLS", { brokers: [given.MTLS], ssl: { ...ssl, cert: file("alice.crt"), key: file("alice.key") } });
await feature("SASL PLAIN", sasl("plain", alice));
await feature("SASL SCRAM-SHA-256", sasl("scram-sha-256", alice));
await feature("SASL SCRAM-SHA-512", sasl("scram-sha-512", alice));
await feature("SASL OAUTHBEARER", sasl("oauthbearer", { oauthBearerProvider: async () => ({ value: token }) }));
console.log("FEATURE wrong passwords are refused");
const refusal = await trip(sasl("scram-sha-512", { ...alice, password: "wrong" })).then(() => undefined, (e) => e);
if (refusal?.name !== "KafkaJSSASLAuthenticationError" && refusal?.cause?.name !== "KafkaJSSASLAuthenticationError") console.log(`BROKEN with a wrong password: ${refusal}`);
process.exit(0);
