package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import io.debezium.embedded.Connect;
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.DebeziumEngine.ChangeConsumer;
import io.debezium.engine.DebeziumEngine.RecordCommitter;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Publishes outbox rows from PostgreSQL's log (pgoutput). Like Debezium Server's Kafka sink, it awaits
 * the acknowledgements of each batch before it commits the batch.
 *
 * <p>Arguments: host port database user password slot bootstrap warm-up-rows rows linger-ms. Prints
 * `ready` after the warm-up, `acknowledged PAYLOAD NANOSECONDS` for each later row if linger-ms is 0,
 * and the sample of the later rows as JSON. Ends after all rows.
 */
public final class OutboxRelay implements ChangeConsumer<ChangeEvent<SourceRecord, SourceRecord>> {
    private final ObjectMapper json = new ObjectMapper();
    private final KafkaProducer<byte[], byte[]> producer;
    private final long warmUp;
    private final long rows;
    private final boolean timed;
    private final StringBuilder times = new StringBuilder();
    private long acknowledged;
    private long before;
    private long begin;
    private long beginCpu;

    private OutboxRelay(String bootstrap, long warmUp, long rows, String lingerMs) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("acks", "all");
        settings.put("enable.idempotence", "true");
        settings.put("compression.type", "lz4");
        settings.put("batch.size", "524288");
        settings.put("linger.ms", lingerMs);
        this.producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        this.warmUp = warmUp;
        this.rows = rows;
        this.timed = lingerMs.equals("0");
    }

    public static void main(String[] arguments) throws Exception {
        Properties engine = new Properties();
        engine.put("name", "bench");
        engine.put("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
        engine.put("offset.storage", "org.apache.kafka.connect.storage.MemoryOffsetBackingStore");
        engine.put("offset.flush.interval.ms", "1000");
        engine.put("topic.prefix", "bench");
        engine.put("database.hostname", arguments[0]);
        engine.put("database.port", arguments[1]);
        engine.put("database.dbname", arguments[2]);
        engine.put("database.user", arguments[3]);
        engine.put("database.password", arguments[4]);
        engine.put("slot.name", arguments[5]);
        engine.put("publication.name", arguments[5]);
        engine.put("publication.autocreate.mode", "disabled");
        engine.put("plugin.name", "pgoutput");
        engine.put("snapshot.mode", "no_data");
        engine.put("table.include.list", "public.outbox");
        engine.put("tombstones.on.delete", "false");
        engine.put("poll.interval.ms", "1");
        engine.put("max.batch.size", "8192");
        engine.put("max.queue.size", "32768");
        OutboxRelay relay = new OutboxRelay(
                arguments[6], Long.parseLong(arguments[7]), Long.parseLong(arguments[8]), arguments[9]);
        Executors.newSingleThreadExecutor().execute(DebeziumEngine.create(Connect.class)
                .using(engine)
                .using((success, message, error) -> relay.end(message))
                .notifying(relay)
                .build());
    }

    @Override
    public void handleBatch(
            List<ChangeEvent<SourceRecord, SourceRecord>> events,
            RecordCommitter<ChangeEvent<SourceRecord, SourceRecord>> committer) throws InterruptedException {
        List<Future<?>> sent = new ArrayList<>(events.size());
        for (ChangeEvent<SourceRecord, SourceRecord> event : events) {
            if (event.value().value() instanceof Struct change && change.getStruct("after") != null) {
                sent.add(send(change));
            }
        }
        try {
            for (Future<?> each : sent) {
                each.get();
            }
        } catch (ExecutionException error) {
            throw new IllegalStateException("a record was not acknowledged", error);
        }
        for (ChangeEvent<SourceRecord, SourceRecord> event : events) {
            committer.markProcessed(event);
        }
        committer.markBatchFinished();
        count(sent.size());
    }

    private Future<?> send(Struct change) {
        Struct row = change.getStruct("after");
        byte[] payload = bytes(row, "payload");
        long createdMs = change.getStruct("source").getInt64("ts_ms");
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(row.getString("topic"), null, createdMs, bytes(row, "key"), payload);
        addHeaders(record.headers(), row.getString("headers"));
        return producer.send(record, (metadata, error) -> {
            if (timed) {
                String text = new String(payload, StandardCharsets.UTF_8);
                synchronized (times) {
                    times.append("acknowledged ").append(text).append(' ').append(System.nanoTime()).append('\n');
                }
            }
        });
    }

    private void addHeaders(Headers headers, String text) {
        try {
            Map<?, ?> read = json.readValue(text, Map.class);
            read.forEach((name, value) ->
                    headers.add((String) name, ((String) value).getBytes(StandardCharsets.UTF_8)));
        } catch (java.io.IOException error) {
            throw new IllegalArgumentException("the headers are not a JSON object of strings", error);
        }
    }

    private static byte[] bytes(Struct row, String column) {
        ByteBuffer buffer = ((ByteBuffer) row.get(column)).duplicate();
        byte[] copy = new byte[buffer.remaining()];
        buffer.get(copy);
        return copy;
    }

    private void count(int more) {
        acknowledged += more;
        if (begin == 0 && acknowledged >= warmUp) {
            before = acknowledged;
            begin = System.nanoTime();
            beginCpu = cpuNanoseconds();
            System.out.println("ready");
            System.out.flush();
        }
        if (acknowledged >= rows) {
            double seconds = (System.nanoTime() - begin) / 1e9;
            double cpuSeconds = (cpuNanoseconds() - beginCpu) / 1e9;
            System.out.print(times);
            System.out.printf(
                    "{\"units\": %d, \"seconds\": %f, \"cpu_seconds\": %f}%n", acknowledged - before, seconds, cpuSeconds);
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    private static long cpuNanoseconds() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private void end(String message) {
        System.err.println("the engine ended: " + message);
        Runtime.getRuntime().halt(1);
    }
}
