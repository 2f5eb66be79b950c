import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Totals of payments by account, exactly once. A payment's key is its number and its value is "account amount", so the stream is
 * rekeyed and goes through a repartition topic; each account's count and sum is a state with a changelog, and each change of it is
 * a record of the output: "count sum" below the account. So an account's output must be the counts 1, 2, 3, … each once.
 *
 * <p>Prints "running" each time that all tasks run, and runs until it is killed.
 */
public final class Totals {
  public static void main(String[] args) {
    if (args.length != 3) {
      System.err.println("usage: Totals HOST:PORT STATE-DIRECTORY PROTOCOL");
      System.exit(2);
    }
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "totals");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    properties.put(StreamsConfig.STATE_DIR_CONFIG, args[1]);
    properties.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, args[2]);
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    // No cache: each change of a state goes to the changelog and to the output.
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    // One that was killed is missed sooner than by default.
    properties.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
    properties.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 500);
    // Its open transaction ends by itself, and readers of committed records wait for that.
    properties.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 10_000);
    properties.put(StreamsConfig.consumerPrefix("max.poll.records"), 200);

    var strings = Serdes.String();
    var builder = new StreamsBuilder();
    builder.stream("payments", Consumed.with(strings, strings))
        .map((number, payment) -> {
          String[] words = payment.split(" ");
          return KeyValue.pair(words[0], words[1]);
        })
        .groupByKey(Grouped.with("by-account", strings, strings))
        .aggregate(() -> "0 0", (account, amount, total) -> {
          String[] words = total.split(" ");
          return (Long.parseLong(words[0]) + 1) + " " + (Long.parseLong(words[1]) + Long.parseLong(amount));
        }, Materialized.<String, String, org.apache.kafka.streams.state.KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("totals")
            .withKeySerde(strings).withValueSerde(strings))
        .toStream()
        .to("totals-of-accounts", Produced.with(strings, strings));

    var streams = new KafkaStreams(builder.build(), properties);
    streams.setStateListener((now, before) -> System.out.println(now == KafkaStreams.State.RUNNING ? "running" : "state " + now));
    streams.setUncaughtExceptionHandler(failure -> {
      System.out.println("replaced a thread: " + failure);
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
    streams.start();
  }
}
