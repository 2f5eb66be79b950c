"""Drives a Kafka listener with confluent-kafka, that is librdkafka.

Produces with every codec, idempotent and not, consumes from the beginning, runs
a consumer group of two members with a rebalance, and with --saga plays the
reservation service of the trip-booking saga. Exits with 1 and a line that says
what was expected, if anything is not as on Kafka.
"""

import argparse
import json
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

PARTITIONS = 4
PATIENCE_S = 60


def check(condition, claim):
    if not condition:
        sys.exit(f"FAIL confluent-kafka: {claim}")


def create_topic(bootstrap, topic):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 1, config={"retention.ms": "3600000"})]).values():
        future.result(PATIENCE_S)
    described = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)])
    for future in described.values():
        configs = future.result(PATIENCE_S)
        check(configs["retention.ms"].value == "3600000", f"retention.ms is {configs['retention.ms'].value}")
    return admin


def produce(bootstrap, topic, values, **config):
    failures = []
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2, **config})
    for value in values:
        producer.produce(
            topic,
            key=value.split("-")[-1],
            value=value,
            headers={"from": "confluent-kafka"},
            on_delivery=lambda err, _: failures.append(err) if err else None,
        )
        producer.poll(0)
    check(producer.flush(PATIENCE_S) == 0, f"flush with {config} leaves records behind")
    check(not failures, f"produce with {config}: {failures[:1]}")


def consume(consumer, count):
    """Reads until count records came, and returns their values."""
    values = []
    deadline = time.monotonic() + PATIENCE_S
    while len(values) < count and time.monotonic() < deadline:
        for message in consumer.consume(num_messages=500, timeout=0.5):
            if message.error():
                raise KafkaException(message.error())
            values.append(message.value().decode())
    check(len(values) == count, f"{len(values)} of {count} records")
    return values


def produce_and_consume(bootstrap, topic):
    sent = []
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        for acks in ["0", "1", "all"]:
            values = [f"{codec}-{acks}-{i}" for i in range(40)]
            produce(bootstrap, topic, values, **{"compression.type": codec, "acks": acks})
            sent += values
    values = [f"idempotent-{i}" for i in range(2000)]
    produce(bootstrap, topic, values, **{"enable.idempotence": True})
    sent += values

    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": f"reader-{uuid.uuid4()}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    })
    consumer.subscribe([topic])
    check(sorted(consume(consumer, len(sent))) == sorted(sent), "consumed values differ from those produced")
    low, high = 0, 0
    for partition in range(PARTITIONS):
        l, h = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)
        low, high = low + l, high + h
    check((low, high) == (0, len(sent)), f"watermarks are {low} and {high}, want 0 and {len(sent)}")
    offsets = consumer.offsets_for_times([TopicPartition(topic, 0, 1)], timeout=PATIENCE_S)
    check(offsets[0].offset == 0, f"offset of the first millisecond is {offsets[0].offset}")
    consumer.close()
    return len(sent)


def group_of_two(bootstrap, topic, before):
    group = f"pair-{uuid.uuid4()}"
    config = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 300,
    }
    first, second = Consumer(config), Consumer(config)
    seen = {}

    def poll(consumer, count=500):
        for message in consumer.consume(num_messages=count, timeout=0.1):
            if message.error():
                raise KafkaException(message.error())
            seen.setdefault((message.partition(), message.offset()), message.value())

    def wait(condition, claim, consumers):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            check(time.monotonic() < deadline, claim)
            for consumer in consumers:
                poll(consumer)

    first.subscribe([topic])
    wait(lambda: len(first.assignment()) == PARTITIONS, "the only member has not all partitions", [first])
    wait(lambda: len(seen) == before, f"the only member has not all {before} records", [first])
    first.commit(asynchronous=False)
    second.subscribe([topic])
    wait(lambda: len(first.assignment()) == 2 and len(second.assignment()) == 2,
         "two members don't have two partitions each", [first, second])
    more = [f"shared-{i}" for i in range(200)]
    produce(bootstrap, topic, more)
    wait(lambda: len(seen) == before + len(more), f"the members have {len(seen)} of {before + len(more)} records",
         [first, second])
    for consumer in (first, second):
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as e:
            check(e.args[0].code() == KafkaError._NO_OFFSET, f"commit: {e}")
    second.close()
    wait(lambda: len(first.assignment()) == PARTITIONS, "the member that stays has not all partitions", [first])
    committed = first.committed([TopicPartition(topic, p) for p in range(PARTITIONS)], timeout=PATIENCE_S)
    total = sum(c.offset for c in committed)
    check(total == before + len(more), f"committed offsets sum to {total}, want {before + len(more)}")
    first.close()
    return group


class Saga:
    """The world outside of the trip-booking saga."""

    def __init__(self, bootstrap):
        self.producer = Producer({"bootstrap.servers": bootstrap})
        self.consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": f"saga-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        })
        self.consumer.subscribe(["reservations", "workflow-result", "workflow-error"])
        self.waiting = []

    def send(self, thread, value):
        self.producer.produce("workflow-resume", key=thread, value=value)
        check(self.producer.flush(PATIENCE_S) == 0, "an event is not sent")

    def reply(self, thread, request, **outcome):
        self.send(thread, json.dumps({"ref": request["ref"], **outcome}))

    def expect(self, thread, topic, **fields):
        """Waits for a record of the thread that has the fields."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for record in self.waiting:
                key, on, value = record
                if key == thread and on == topic and all(value.get(k) == v for k, v in fields.items()):
                    self.waiting.remove(record)
                    return value
            check(time.monotonic() < deadline, f"{topic} has no {fields} for {thread}, but {self.waiting}")
            for message in self.consumer.consume(num_messages=100, timeout=0.2):
                if message.error():
                    raise KafkaException(message.error())
                value = json.loads(message.value())
                self.waiting.append((message.key().decode(), message.topic(), value if isinstance(value, dict) else {"text": value}))

    def play(self):
        booked = f"trip-confluent-{uuid.uuid4()}"
        self.send(booked, 'new:{"customer":"Ada","city":"Lisbon"}')
        for kind in ["flight", "car", "hotel"]:
            request = self.expect(booked, "reservations", action="reserve", kind=kind, customer="Ada", city="Lisbon")
            self.reply(booked, request, value={"id": f"{kind}-1", "price": 100})
        self.expect(booked, "workflow-result", car="car-1", hotel="hotel-1", flight="flight-1", total=300)

        failed = f"trip-confluent-{uuid.uuid4()}"
        self.send(failed, 'new:{"customer":"Bob","city":"Oslo"}')
        self.reply(failed, self.expect(failed, "reservations", action="reserve", kind="car"), value={"id": "car-2", "price": 100})
        self.reply(failed, self.expect(failed, "reservations", action="reserve", kind="hotel"), error="no rooms")
        self.expect(failed, "reservations", action="withdraw", kind="flight")
        self.reply(failed, self.expect(failed, "reservations", action="cancel", kind="car", id="car-2"), value=None)
        self.expect(failed, "workflow-error", text="no rooms")
        self.consumer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--saga", action="store_true", help="the trip-booking saga is deployed")
    arguments = parser.parse_args()
    bootstrap = arguments.bootstrap
    if arguments.saga:
        Saga(bootstrap).play()
    topic = f"interop-confluent-{uuid.uuid4()}"
    admin = create_topic(bootstrap, topic)
    count = produce_and_consume(bootstrap, topic)
    group = group_of_two(bootstrap, topic, count)
    listed = admin.list_consumer_groups().result(PATIENCE_S)
    check(group in [g.group_id for g in listed.valid], f"group {group} is not listed")
    for future in admin.delete_consumer_groups([group]).values():
        future.result(PATIENCE_S)
    for future in admin.delete_topics([topic]).values():
        future.result(PATIENCE_S)


main()
