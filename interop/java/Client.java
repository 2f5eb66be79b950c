import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Drives a Kafka listener with Apache Kafka's own client: produce with every codec, idempotent and
 * not, consume from the beginning, a consumer group of two members with a rebalance, by the eager
 * and by the cooperative assignor, transactions; with --saga it plays the reservation service of the trip-booking
 * saga. Exits with 1 and a line that says what was expected, if anything is not as on Kafka.
 */
public final class Client {
  private static final int PARTITIONS = 4;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final String bootstrap;
  private final String topic = "interop-java-" + UUID.randomUUID();

  private Client(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  public static void main(String[] args) throws Exception {
    boolean isSaga = args.length == 3 && args[2].equals("--saga");
    if (args.length < 2 || !args[0].equals("--bootstrap") || args.length > 2 && !isSaga) {
      System.err.println("usage: Client --bootstrap HOST:PORT [--saga]");
      System.exit(2);
    }
    Client client = new Client(args[1]);
    if (isSaga) {
      feature("trip-booking saga");
      client.playSaga();
    }
    client.run();
    System.exit(0);
  }

  static void check(boolean condition, String claim) {
    if (!condition) {
      System.err.println("FAIL java: " + claim);
      System.exit(1);
    }
  }

  /** What follows belongs to this row of the table of features. */
  static void feature(String name) {
    System.out.println("FEATURE " + name);
  }

  private void run() throws Exception {
    feature("produce and consume");
    try (Admin admin = Admin.create(Map.<String, Object>of("bootstrap.servers", bootstrap))) {
      admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1).configs(Map.of("retention.ms", "3600000"))))
          .all().get(60, TimeUnit.SECONDS);
      var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
      var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
      check(config.get("retention.ms").value().equals("3600000"), "retention.ms is not what was set");

      List<String> sent = new ArrayList<>();
      for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
        if (!codec.equals("none")) {
          feature("codec " + codec);
        }
        for (String acks : List.of("0", "1", "all")) {
          sent.addAll(produce(codec + "-" + acks, 40,
              Map.of("compression.type", codec, "acks", acks, "enable.idempotence", false)));
        }
        consumeFromBeginning(sent);
      }
      feature("idempotent producer");
      sent.addAll(produce("idempotent", 2000, Map.of()));
      consumeFromBeginning(sent);

      feature("groups: classic protocol");
      int total = sent.size();
      total = groupOfTwo(admin, total, "org.apache.kafka.clients.consumer.RangeAssignor");
      total = groupOfTwo(admin, total, "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");

      new Transactions(bootstrap, admin).run();

      feature("groups: consumer protocol");
      total = groupOfTwo(admin, total, null);

      feature("topics: create, list, describe, delete");
      var ends = new HashMap<TopicPartition, OffsetSpec>();
      partitions().forEach(p -> ends.put(p, OffsetSpec.latest()));
      long end = admin.listOffsets(ends).all().get().values().stream().mapToLong(o -> o.offset()).sum();
      check(end == total, "ends sum to " + end + ", want " + total);
      admin.deleteTopics(List.of(topic)).all().get(60, TimeUnit.SECONDS);
    }
  }

  private List<TopicPartition> partitions() {
    List<TopicPartition> all = new ArrayList<>();
    for (int p = 0; p < PARTITIONS; p++) {
      all.add(new TopicPartition(topic, p));
    }
    return all;
  }

  private List<String> produce(String prefix, int count, Map<String, Object> config) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.putAll(config);
    List<String> values = new ArrayList<>();
    List<Exception> failures = Collections.synchronizedList(new ArrayList<>());
    try (var producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < count; i++) {
        String value = prefix + "-" + i;
        values.add(value);
        producer.send(new ProducerRecord<>(topic, "k" + i, value), (metadata, e) -> {
          if (e != null) {
            failures.add(e);
          }
        });
      }
      producer.flush();
    }
    check(failures.isEmpty(), "produce " + prefix + ": " + failures.stream().findFirst());
    return values;
  }

  private KafkaConsumer<String, String> consumer(String group, String assignor) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("group.id", group);
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    if (assignor == null) {
      // The server assigns, and says how often it wants to hear of members (KIP-848).
      properties.put("group.protocol", "consumer");
    } else {
      properties.put("session.timeout.ms", "6000");
      properties.put("heartbeat.interval.ms", "300");
      properties.put("partition.assignment.strategy", assignor);
    }
    return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
  }

  private void consumeFromBeginning(List<String> sent) {
    List<String> seen = new ArrayList<>();
    try (var consumer = consumer("reader-" + UUID.randomUUID(), "org.apache.kafka.clients.consumer.RangeAssignor")) {
      consumer.assign(partitions());
      consumer.seekToBeginning(partitions());
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (seen.size() < sent.size() && System.nanoTime() < deadline) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          seen.add(record.value());
        }
      }
      var first = consumer.offsetsForTimes(Map.of(partitions().get(0), 1L));
      check(first.get(partitions().get(0)).offset() == 0, "the first millisecond is not at offset 0");
    }
    List<String> want = new ArrayList<>(sent);
    Collections.sort(want);
    Collections.sort(seen);
    check(seen.equals(want), seen.size() + " records consumed differ from the " + want.size() + " produced");
  }

  private int groupOfTwo(Admin admin, int before, String assignor) throws Exception {
    String group = "pair-" + UUID.randomUUID();
    Map<String, String> seen = new TreeMap<>();
    var first = consumer(group, assignor);
    var second = consumer(group, assignor);
    first.subscribe(List.of(topic));
    await(seen, () -> seen.size() == before, "the only member has not all " + before + " records", first);
    first.commitSync();
    second.subscribe(List.of(topic));
    await(seen, () -> first.assignment().size() == 2 && second.assignment().size() == 2,
        "two members don't have two partitions each", first, second);
    List<String> more = produce("shared", 200, Map.of());
    int total = before + more.size();
    await(seen, () -> seen.size() == total, "the members have not all " + total + " records", first, second);
    first.commitSync();
    second.commitSync();
    var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    check(described.members().size() == 2, "group has " + described.members().size() + " members, want 2");
    second.close();
    await(seen, () -> first.assignment().size() == PARTITIONS, "the member that stays has not all partitions", first);
    first.close();
    Map<TopicPartition, OffsetAndMetadata> committed =
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    long sum = committed.values().stream().mapToLong(OffsetAndMetadata::offset).sum();
    check(sum == total, "committed offsets sum to " + sum + ", want " + total);
    admin.deleteConsumerGroups(List.of(group)).all().get();
    return total;
  }

  /** The world outside of the trip-booking saga. */
  private void playSaga() throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    try (var producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        var consumer = consumer("saga-" + UUID.randomUUID(), "org.apache.kafka.clients.consumer.RangeAssignor")) {
      consumer.subscribe(List.of("reservations", "workflow-result", "workflow-error"));
      List<ConsumerRecord<String, String>> waiting = new ArrayList<>();

      String booked = "trip-java-" + UUID.randomUUID();
      send(producer, booked, "new:{\"customer\":\"Ada\",\"city\":\"Lisbon\"}");
      for (String kind : List.of("flight", "car", "hotel")) {
        String request = expect(consumer, waiting, booked, "reservations", "\"reserve\"", quoted(kind), "\"Lisbon\"");
        send(producer, booked, reply(request, "\"value\":{\"id\":\"" + kind + "-1\",\"price\":100}"));
      }
      expect(consumer, waiting, booked, "workflow-result", "\"car\":\"car-1\"", "\"hotel\":\"hotel-1\"",
          "\"flight\":\"flight-1\"", "\"total\":300");

      String failed = "trip-java-" + UUID.randomUUID();
      send(producer, failed, "new:{\"customer\":\"Bob\",\"city\":\"Oslo\"}");
      String car = expect(consumer, waiting, failed, "reservations", "\"reserve\"", "\"car\"");
      send(producer, failed, reply(car, "\"value\":{\"id\":\"car-2\",\"price\":100}"));
      String hotel = expect(consumer, waiting, failed, "reservations", "\"reserve\"", "\"hotel\"");
      send(producer, failed, reply(hotel, "\"error\":\"no rooms\""));
      expect(consumer, waiting, failed, "reservations", "\"withdraw\"", "\"flight\"");
      String cancel = expect(consumer, waiting, failed, "reservations", "\"cancel\"", "\"car-2\"");
      send(producer, failed, reply(cancel, "\"value\":null"));
      expect(consumer, waiting, failed, "workflow-error", "\"no rooms\"");
    }
  }

  private static String quoted(String text) {
    return "\"" + text + "\"";
  }

  private static void send(KafkaProducer<String, String> producer, String thread, String event) throws Exception {
    producer.send(new ProducerRecord<>("workflow-resume", thread, event)).get(60, TimeUnit.SECONDS);
  }

  /** Settles the ref that a request names. */
  private static String reply(String request, String outcome) {
    Matcher ref = Pattern.compile("\"ref\":(\"[^\"]*\")").matcher(request);
    check(ref.find(), "no ref in " + request);
    return "{\"ref\":" + ref.group(1) + "," + outcome + "}";
  }

  /** Waits for a record of the thread that holds all the texts. */
  private static String expect(KafkaConsumer<String, String> consumer, List<ConsumerRecord<String, String>> waiting,
      String thread, String topic, String... texts) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      for (var record : waiting) {
        if (thread.equals(record.key()) && topic.equals(record.topic())
            && Stream.of(texts).allMatch(record.value()::contains)) {
          waiting.remove(record);
          return record.value();
        }
      }
      check(System.nanoTime() < deadline, topic + " has no " + List.of(texts) + " for " + thread);
      consumer.poll(Duration.ofMillis(100)).forEach(waiting::add);
    }
  }

  @SafeVarargs
  private static void await(Map<String, String> seen, BooleanSupplier condition, String claim,
      KafkaConsumer<String, String>... consumers) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      check(System.nanoTime() < deadline, claim);
      for (var consumer : consumers) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) {
          seen.put(record.partition() + "/" + record.offset(), record.value());
        }
      }
    }
  }
}
