import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactions with Apache Kafka's own client: commits and aborts as readers of committed and of all
 * records see them, offsets of a group, a producer that is fenced by its successor, one that takes too
 * long, one that an administrator fences, and what administrators are told.
 */
final class Transactions {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final String bootstrap;
  private final Admin admin;
  private final String topic = "interop-java-tx-" + UUID.randomUUID();
  private final String copies = topic + "-copies";
  private final String id = "tx-" + UUID.randomUUID();

  Transactions(String bootstrap, Admin admin) {
    this.bootstrap = bootstrap;
    this.admin = admin;
  }

  void run() throws Exception {
    Client.feature("transactions");
    admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1), new NewTopic(copies, 2, (short) 1))).all().get(60, TimeUnit.SECONDS);
    List<String> all = new ArrayList<>();
    List<String> committed = new ArrayList<>();
    try (var producer = producer(id, 60_000)) {
      producer.initTransactions();
      for (int i = 0; i < 6; i++) {
        producer.beginTransaction();
        for (int j = 0; j < 50; j++) {
          String value = i + "-" + j;
          all.add(value);
          producer.send(new ProducerRecord<>(topic, "k" + j, value));
        }
        if (i % 3 == 1) {
          producer.flush();
          producer.abortTransaction();
        } else {
          committed.addAll(all.subList(all.size() - 50, all.size()));
          producer.commitTransaction();
        }
      }
    }
    requireRecords(topic, "read_committed", committed);
    requireRecords(topic, "read_uncommitted", all);
    Client.feature("transactions: offsets of a group");
    copy(committed);
    Client.feature("transactions: fencing");
    fence();
    Client.feature("transactions: timeouts");
    takeTooLong();
    admin.deleteTopics(List.of(topic, copies)).all().get(60, TimeUnit.SECONDS);
  }

  private KafkaProducer<String, String> producer(String id, int timeoutMilli) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("transactional.id", id);
    properties.put("transaction.timeout.ms", timeoutMilli);
    return new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
  }

  private KafkaConsumer<String, String> consumer(String group, String isolation) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("group.id", group);
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    properties.put("isolation.level", isolation);
    properties.put("max.poll.records", "40");
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  private void requireRecords(String topic, String isolation, List<String> sent) {
    List<String> seen = new ArrayList<>();
    var partitions = List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
    try (var consumer = consumer("reader-" + UUID.randomUUID(), isolation)) {
      consumer.assign(partitions);
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      // To the ends, so that a record too many is seen as well.
      var ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p)) && System.nanoTime() < deadline) {
        consumer.poll(Duration.ofMillis(200)).forEach(record -> seen.add(record.value()));
      }
    }
    List<String> want = new ArrayList<>(sent);
    Collections.sort(want);
    Collections.sort(seen);
    Client.check(seen.equals(want), isolation + ": " + seen.size() + " records consumed differ from the " + want.size() + " wanted");
  }

  /** Copies in transactions that carry the offsets, and aborts every other one first. */
  private void copy(List<String> sent) throws Exception {
    String group = "copy-" + UUID.randomUUID();
    int copied = 0;
    try (var consumer = consumer(group, "read_committed"); var producer = producer(id, 60_000)) {
      producer.initTransactions();
      consumer.subscribe(List.of(topic));
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      for (int n = 0; copied < sent.size(); n++) {
        Client.check(System.nanoTime() < deadline, "only " + copied + " of " + sent.size() + " records were copied");
        var records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) {
          continue;
        }
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
          producer.send(new ProducerRecord<>(copies, record.key(), record.value()));
          offsets.put(new TopicPartition(topic, record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (n % 2 == 0) {
          producer.abortTransaction();
          records.partitions().forEach(p -> consumer.seek(p, records.records(p).get(0).offset()));
        } else {
          producer.commitTransaction();
          copied += records.count();
        }
      }
      var end = consumer.committed(java.util.Set.copyOf(consumer.assignment()));
      consumer.assignment().forEach(p -> Client.check(end.get(p) != null, "nothing is committed for " + p));
    }
    requireRecords(copies, "read_committed", sent);
    admin.deleteConsumerGroups(List.of(group)).all().get(60, TimeUnit.SECONDS);
  }

  private void fence() throws Exception {
    try (var old = producer(id, 60_000); var young = producer(id, 60_000)) {
      old.initTransactions();
      old.beginTransaction();
      old.send(new ProducerRecord<>(copies, 0, "k", "old")).get(60, TimeUnit.SECONDS);
      var open = admin.listTransactions(new ListTransactionsOptions().filterStates(List.of(TransactionState.ONGOING))).all().get();
      Client.check(open.stream().anyMatch(t -> t.transactionalId().equals(id)), "the open transaction is not listed");
      var described = admin.describeTransactions(List.of(id)).all().get().get(id);
      Client.check(described.topicPartitions().equals(java.util.Set.of(new TopicPartition(copies, 0))), "partitions " + described.topicPartitions());
      var active = admin.describeProducers(List.of(new TopicPartition(copies, 0))).all().get().get(new TopicPartition(copies, 0));
      Client.check(active.activeProducers().stream().anyMatch(p -> p.producerId() == described.producerId() && p.currentTransactionStartOffset().isPresent()),
          "the open transaction is not described where it has written");
      young.initTransactions();
      requireFails("commit by a producer that is fenced", old::commitTransaction);
      young.beginTransaction();
      young.commitTransaction();
      admin.fenceProducers(List.of(id)).all().get(60, TimeUnit.SECONDS);
      young.beginTransaction();
      requireFails("a producer that an administrator has fenced", () -> {
        young.send(new ProducerRecord<>(copies, 0, "k", "fenced"));
        young.commitTransaction();
      });
    }
  }

  private void takeTooLong() throws Exception {
    try (var slow = producer(id + "-slow", 1000)) {
      slow.initTransactions();
      slow.beginTransaction();
      slow.send(new ProducerRecord<>(copies, 0, "k", "slow")).get(60, TimeUnit.SECONDS);
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (admin.describeTransactions(List.of(id + "-slow")).all().get().get(id + "-slow").state() != TransactionState.COMPLETE_ABORT) {
        Client.check(System.nanoTime() < deadline, "a transaction that takes too long is not aborted");
        Thread.sleep(100);
      }
      requireFails("commit of what took too long", slow::commitTransaction);
    }
  }

  private static void requireFails(String what, Runnable action) {
    try {
      action.run();
    } catch (KafkaException e) {
      return;
    }
    Client.check(false, what + " was not refused");
  }
}
