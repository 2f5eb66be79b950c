"""Drives a Kafka listener with confluent-kafka, that is librdkafka.

Produces with every codec, idempotent and not, consumes from the beginning, runs
a consumer group of two members with a rebalance, and with --saga plays the
reservation service of the trip-booking saga. Exits with 1 and a line that says
what was expected, if anything is not as on Kafka.
"""

import argparse
import json
import os
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
    NewTopic, OffsetSpec, ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion,
)

PARTITIONS = 4
PATIENCE_S = 60


def check(condition, claim):
    if not condition:
        sys.exit(f"FAIL confluent-kafka: {claim}")


def feature(name):
    """What follows belongs to this row of the table of features."""
    print("FEATURE", name, flush=True)


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

    def read_again():
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"reader-{uuid.uuid4()}", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        check(sorted(consume(consumer, len(sent))) == sorted(sent), "consumed values differ from those produced")
        consumer.close()

    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        feature("produce and consume" if codec == "none" else f"codec {codec}")
        for acks in ["0", "1", "all"]:
            values = [f"{codec}-{acks}-{i}" for i in range(40)]
            produce(bootstrap, topic, values, **{"compression.type": codec, "acks": acks})
            sent += values
        read_again()
    feature("idempotent producer")
    values = [f"idempotent-{i}" for i in range(2000)]
    produce(bootstrap, topic, values, **{"enable.idempotence": True})
    sent += values
    read_again()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"reader-{uuid.uuid4()}"})
    low, high = 0, 0
    for partition in range(PARTITIONS):
        l, h = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)
        low, high = low + l, high + h
    check((low, high) == (0, len(sent)), f"watermarks are {low} and {high}, want 0 and {len(sent)}")
    offsets = consumer.offsets_for_times([TopicPartition(topic, 0, 1)], timeout=PATIENCE_S)
    check(offsets[0].offset == 0, f"offset of the first millisecond is {offsets[0].offset}")
    consumer.close()
    return len(sent)


def group_of_two(bootstrap, topic, before, **protocol):
    group = f"pair-{uuid.uuid4()}"
    config = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **protocol,
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
    return group, before + len(more)


def read(bootstrap, topic, count, isolation="read_committed"):
    """All records of a topic of one partition, as messages."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"reader-{uuid.uuid4()}", "isolation.level": isolation,
                         "enable.auto.commit": False, "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = []
    deadline = time.monotonic() + PATIENCE_S
    is_end = False
    while (len(messages) < count or not is_end) and time.monotonic() < deadline:
        for message in consumer.consume(num_messages=500, timeout=0.5):
            if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                is_end = True
            elif message.error():
                raise KafkaException(message.error())
            else:
                messages.append(message)
    consumer.close()
    check(len(messages) == count, f"{len(messages)} records of {topic}, want {count}")
    return messages


def headers_and_timestamps(bootstrap, topic):
    producer = Producer({"bootstrap.servers": bootstrap})
    headers = [("from", b"confluent-kafka"), ("twice", b"1"), ("twice", None)]
    producer.produce(topic, value=b"stamped", timestamp=1700000000000, headers=headers)
    check(producer.flush(PATIENCE_S) == 0, "flush leaves records behind")
    message = read(bootstrap, topic, 1)[0]
    check(message.headers() == headers, f"headers are {message.headers()}")
    check(message.timestamp()[1] == 1700000000000, f"timestamp is {message.timestamp()}")


def transactions(bootstrap, topic, source):
    group = f"etl-{uuid.uuid4()}"
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    feature("transactions")
    identity = f"tx-{uuid.uuid4()}"

    def begin():
        producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": identity})
        producer.init_transactions(PATIENCE_S)
        return producer

    producer = begin()
    for value, is_kept in [("kept", True), ("dropped", False), ("kept too", True)]:
        producer.begin_transaction()
        for i in range(50):
            producer.produce(topic, value=f"{value}-{i}")
        if is_kept:
            producer.commit_transaction(PATIENCE_S)
        else:
            producer.flush(PATIENCE_S)
            producer.abort_transaction(PATIENCE_S)
    values = [m.value().decode() for m in read(bootstrap, topic, 100)]
    check(values == [f"{v}-{i}" for v in ("kept", "kept too") for i in range(50)], f"committed are {values}")
    read(bootstrap, topic, 150, "read_uncommitted")

    feature("transactions: offsets of a group")
    consumer.subscribe([source])
    deadline = time.monotonic() + PATIENCE_S
    while not consumer.assignment():
        check(time.monotonic() < deadline, "nothing is assigned")
        consumer.poll(0.2)
    moved = TopicPartition(source, 0, 7)
    for is_kept in (False, True):
        producer.begin_transaction()
        producer.produce(topic, value="moved")
        producer.send_offsets_to_transaction([moved], consumer.consumer_group_metadata(), PATIENCE_S)
        if is_kept:
            producer.commit_transaction(PATIENCE_S)
        else:
            producer.flush(PATIENCE_S)
            producer.abort_transaction(PATIENCE_S)
        offset = consumer.committed([TopicPartition(source, 0)], timeout=PATIENCE_S)[0].offset
        check((offset == 7) == is_kept, f"offset is {offset} after the transaction is {'committed' if is_kept else 'aborted'}")
    consumer.close()

    feature("transactions: fencing")
    producer.begin_transaction()
    producer.produce(topic, value="by the old one")
    producer.flush(PATIENCE_S)
    successor = begin()
    try:
        producer.commit_transaction(PATIENCE_S)
        check(False, "the old producer commits")
    except KafkaException as e:
        check(e.args[0].code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED), f"the old producer is told {e}")
    successor.begin_transaction()
    successor.produce(topic, value="by its successor")
    successor.commit_transaction(PATIENCE_S)
    check(read(bootstrap, topic, 102)[-1].value() == b"by its successor", "the last committed record is not the successor's")


def administration(bootstrap, admin, topic):
    def done(futures):
        return [future.result(PATIENCE_S) for future in futures.values()]

    feature("topics: more partitions")
    done(admin.create_partitions([NewPartitions(topic, 3)]))
    metadata = admin.list_topics(topic, timeout=PATIENCE_S)
    check(len(metadata.topics[topic].partitions) == 3, f"there are {len(metadata.topics[topic].partitions)} partitions")
    feature("configs of topics")
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[
        ConfigEntry("retention.ms", "3155760000000", incremental_operation=AlterConfigOpType.SET)])
    done(admin.incremental_alter_configs([resource]))
    configs = done(admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]))[0]
    check(configs["retention.ms"].value == "3155760000000", f"retention.ms is {configs['retention.ms'].value}")
    feature("delete records")
    deleted = done(admin.delete_records([TopicPartition(topic, 0, 1)]))
    check(deleted[0].low_watermark == 1, f"the low watermark is {deleted[0].low_watermark}")
    feature("offsets by time and position")
    producer = Producer({"bootstrap.servers": bootstrap})
    for timestamp in (1700000000001, 1700000000009, 1700000000005):
        producer.produce(topic, partition=0, value=b"stamped", timestamp=timestamp)
    check(producer.flush(PATIENCE_S) == 0, "flush leaves records behind")
    for name, spec, offset in (("earliest", OffsetSpec.earliest(), 1), ("latest", OffsetSpec.latest(), 4),
                               ("greatest timestamp", OffsetSpec.max_timestamp(), 2), ("time", OffsetSpec.for_timestamp(1700000000002), 2)):
        listed = done(admin.list_offsets({TopicPartition(topic, 0): spec}))
        check(listed[0].offset == offset, f"the offset of {name} is {listed[0].offset}, want {offset}")
    feature("ACLs")
    binding = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:alice", "*", AclOperation.READ, AclPermissionType.ALLOW)
    done(admin.create_acls([binding]))
    anything = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
    check(admin.describe_acls(anything).result(PATIENCE_S) == [binding], "the ACL is not described")
    check(done(admin.delete_acls([anything])) == [[binding]], "the ACL is not deleted")
    feature("SCRAM users")
    user = f"user-{uuid.uuid4()}"
    done(admin.alter_user_scram_credentials([UserScramCredentialUpsertion(
        user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192), b"secret", b"salt")]))
    described = admin.describe_user_scram_credentials([user])[user].result(PATIENCE_S)
    check([c.iterations for c in described.scram_credential_infos] == [8192], f"credentials are {described.scram_credential_infos}")
    feature("cluster, features, quorum, directories")
    cluster = admin.describe_cluster().result(PATIENCE_S)
    check(cluster.cluster_id and cluster.controller and len(cluster.nodes) == int(os.environ.get("NODES", 1)), f"cluster is {cluster}")


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
        feature("trip-booking saga")
        Saga(bootstrap).play()
    feature("produce and consume")
    topic, other, ledger = (f"interop-confluent-{uuid.uuid4()}" for _ in range(3))
    admin = create_topic(bootstrap, topic)
    for future in admin.create_topics([NewTopic(other, 1, 1), NewTopic(ledger, 1, 1)]).values():
        future.result(PATIENCE_S)
    count = produce_and_consume(bootstrap, topic)
    feature("groups: classic protocol")
    group, count = group_of_two(bootstrap, topic, count, **{"session.timeout.ms": 6000, "heartbeat.interval.ms": 300})
    feature("groups: list and describe")
    listed = admin.list_consumer_groups().result(PATIENCE_S)
    check(group in [g.group_id for g in listed.valid], f"group {group} is not listed")
    described = admin.describe_consumer_groups([group])[group].result(PATIENCE_S)
    check(described.state.name == "EMPTY", f"group is {described.state}")
    feature("groups: delete")
    for future in admin.delete_consumer_groups([group]).values():
        future.result(PATIENCE_S)
    feature("headers and timestamps")
    headers_and_timestamps(bootstrap, other)
    transactions(bootstrap, ledger, topic)
    administration(bootstrap, admin, other)
    feature("groups: consumer protocol")
    group_of_two(bootstrap, topic, count, **{"group.protocol": "consumer"})
    feature("topics: create, list, describe, delete")
    for future in admin.delete_topics([topic, other, ledger]).values():
        future.result(PATIENCE_S)
    check(topic not in admin.list_topics(timeout=PATIENCE_S).topics, "a deleted topic is listed")


main()
