"""Writes a record and reads it back with confluent-kafka (librdkafka), once for each way to log in.

Arguments: NAME=HOST:PORT of the listeners TLS, MTLS and SASL, and DIR=the directory with certificates. A user alice has the password secret.
"""

import sys
import uuid

from confluent_kafka import Consumer, KafkaError, Producer

PATIENCE_S = 30


def oauth(_):
    # An unsigned token, for a listener that takes such: alice, until the year 2100.
    return "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMH0.", 4102444800


def trip(settings):
    topic = "secure-confluent"
    value = uuid.uuid4().bytes
    failed = []
    producer = Producer({**settings, "log_level": 0, "error_cb": failed.append, "message.timeout.ms": 10000})
    told = []
    producer.produce(topic, value=value, on_delivery=lambda err, _: told.append(err))
    producer.flush(PATIENCE_S)
    if not told or told[0] is not None:
        return failed or told or ["nothing was told"]
    consumer = Consumer({**settings, "group.id": f"secure-{uuid.uuid4()}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    for _ in range(PATIENCE_S * 10):
        message = consumer.poll(0.1)
        if message is not None and message.error() is None and message.value() == value:
            consumer.close()
            return []
    consumer.close()
    return ["the record is not read"]


def feature(name, settings):
    print(f"FEATURE {name}", flush=True)
    failed = trip(settings)
    if failed:
        print(f"BROKEN {failed[0]}", flush=True)


arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
certificates = arguments["DIR"]
tls = {"ssl.ca.location": f"{certificates}/ca.crt"}
feature("TLS", {**tls, "bootstrap.servers": arguments["TLS"], "security.protocol": "SSL"})
feature("mutual TLS", {**tls, "bootstrap.servers": arguments["MTLS"], "security.protocol": "SSL",
                       "ssl.certificate.location": f"{certificates}/alice.crt", "ssl.key.location": f"{certificates}/alice.key"})
sasl = {**tls, "bootstrap.servers": arguments["SASL"], "security.protocol": "SASL_SSL", "sasl.username": "alice", "sasl.password": "secret"}
for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
    feature(f"SASL {mechanism}", {**sasl, "sasl.mechanism": mechanism})
feature("SASL OAUTHBEARER", {**tls, "bootstrap.servers": arguments["SASL"], "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "oauth_cb": oauth})
print("FEATURE wrong passwords are refused", flush=True)
refused = trip({**sasl, "sasl.mechanism": "SCRAM-SHA-512", "sasl.password": "wrong"})
if not any(isinstance(e, KafkaError) and e.code() == KafkaError._AUTHENTICATION for e in refused):
    print(f"BROKEN with a wrong password: {refused}", flush=True)
