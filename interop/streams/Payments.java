import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * The world around {@link Totals}.
 *
 * <pre>
 *   Payments HOST:PORT topics            makes the topics that Streams does not make itself
 *   Payments HOST:PORT pay FIRST COUNT   sends payments FIRST to FIRST+COUNT-1
 *   Payments HOST:PORT progress COUNT    waits until the committed output has COUNT records at least, by its offsets
 *   Payments HOST:PORT check COUNT       waits for all of COUNT payments and compares every record of the output
 *   Payments HOST:PORT internals         prints the topics that Streams has made, and their settings
 * </pre>
 */
public final class Payments {
  private static final int ACCOUNTS = 50;
  private static final int PARTITIONS = 3;
  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final String OUTPUT = "totals-of-accounts";

  public static void main(String[] args) throws Exception {
    var common = Map.<String, Object>of("bootstrap.servers", args[0]);
    switch (args[1]) {
      case "topics" -> {
        try (Admin admin = Admin.create(common)) {
          admin.createTopics(List.of(new NewTopic("payments", PARTITIONS, (short) 1), new NewTopic(OUTPUT, PARTITIONS, (short) 1)))
              .all().get(60, TimeUnit.SECONDS);
        }
      }
      case "pay" -> pay(common, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
      case "progress" -> progress(common, Long.parseLong(args[2]));
      case "check" -> compare(common, Integer.parseInt(args[2]));
      case "internals" -> internals(common);
      default -> throw new IllegalArgumentException(args[1]);
    }
    System.exit(0);
  }

  private static String account(int payment) {
    return "account-" + payment * 31 % ACCOUNTS;
  }

  private static int amount(int payment) {
    return payment % 97 + 1;
  }

  private static void fail(String claim) {
    System.out.println("FAIL streams: " + claim);
    System.exit(1);
  }

  private static void pay(Map<String, Object> common, int first, int count) {
    Properties properties = new Properties();
    properties.putAll(common);
    var failure = new AtomicReference<Exception>();
    try (var producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer())) {
      for (int i = first; i < first + count; i++) {
        producer.send(new ProducerRecord<>("payments", "payment-" + i, account(i) + " " + amount(i)), (metadata, e) -> {
          if (e != null) {
            failure.set(e);
          }
        });
      }
    }
    if (failure.get() != null) {
      fail("payments are not sent: " + failure.get());
    }
  }

  private static Map<TopicPartition, OffsetSpec> ends(OffsetSpec spec) {
    Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
    for (int p = 0; p < PARTITIONS; p++) {
      ends.put(new TopicPartition(OUTPUT, p), spec);
    }
    return ends;
  }

  private static void progress(Map<String, Object> common, long count) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    try (Admin admin = Admin.create(common)) {
      while (true) {
        long sum = admin.listOffsets(ends(OffsetSpec.latest())).all().get(60, TimeUnit.SECONDS).values().stream().mapToLong(o -> o.offset()).sum();
        if (sum >= count) {
          System.out.println("the output has " + sum + " offsets");
          return;
        }
        if (System.nanoTime() > deadline) {
          fail("the output has " + sum + " offsets after " + PATIENCE + ", want " + count);
        }
        Thread.sleep(50);
      }
    }
  }

  private static void compare(Map<String, Object> common, int count) {
    Properties properties = new Properties();
    properties.putAll(common);
    properties.put("isolation.level", "read_committed");
    properties.put("auto.offset.reset", "earliest");
    Map<String, long[]> seen = new HashMap<>(); // by account: count and sum so far
    int records = 0;
    try (var consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer())) {
      consumer.assign(ends(null).keySet());
      consumer.seekToBeginning(ends(null).keySet());
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      long quietUntil = Long.MAX_VALUE;
      while (System.nanoTime() < quietUntil) {
        if (System.nanoTime() > deadline) {
          fail(records + " of " + count + " updates are committed after " + PATIENCE);
        }
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          records++;
          String[] words = record.value().split(" ");
          long number = Long.parseLong(words[0]);
          long sum = Long.parseLong(words[1]);
          long[] before = seen.computeIfAbsent(record.key(), k -> new long[2]);
          if (number != before[0] + 1) {
            fail("at " + record.partition() + "/" + record.offset() + " " + record.key() + " goes from update " + before[0] + " to " + number);
          }
          if (sum <= before[1] || sum - before[1] > 97) {
            fail("at " + record.partition() + "/" + record.offset() + " " + record.key() + " goes from " + before[1] + " to " + sum);
          }
          before[0] = number;
          before[1] = sum;
        }
        // All are there: any more that come within two seconds were taken twice.
        if (records >= count && quietUntil == Long.MAX_VALUE) {
          quietUntil = System.nanoTime() + Duration.ofSeconds(2).toNanos();
        }
      }
    }
    Map<String, long[]> want = new TreeMap<>();
    for (int i = 0; i < count; i++) {
      long[] total = want.computeIfAbsent(account(i), k -> new long[2]);
      total[0]++;
      total[1] += amount(i);
    }
    for (var entry : want.entrySet()) {
      long[] got = seen.getOrDefault(entry.getKey(), new long[2]);
      if (got[0] != entry.getValue()[0] || got[1] != entry.getValue()[1]) {
        fail(entry.getKey() + " has " + got[0] + " payments and " + got[1] + ", want " + entry.getValue()[0] + " and " + entry.getValue()[1]);
      }
    }
    if (records != count || seen.size() != want.size()) {
      fail(records + " updates of " + seen.size() + " accounts, want " + count + " of " + want.size());
    }
    System.out.println(records + " updates of " + seen.size() + " accounts, each once, and all sums right");
  }

  private static void internals(Map<String, Object> common) throws Exception {
    try (Admin admin = Admin.create(common)) {
      for (String topic : List.of("totals-by-account-repartition", "totals-totals-changelog")) {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        var config = admin.describeConfigs(List.of(resource)).all().get(60, TimeUnit.SECONDS).get(resource);
        var partitions = admin.describeTopics(List.of(topic)).allTopicNames().get(60, TimeUnit.SECONDS).get(topic).partitions();
        System.out.println(topic + ": " + partitions.size() + " partitions, cleanup.policy=" + config.get("cleanup.policy").value());
      }
    }
  }
}
