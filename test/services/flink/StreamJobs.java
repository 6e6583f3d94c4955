import com.sun.management.OperatingSystemMXBean;
import io.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.metrics.v1.Metric;
import io.opentelemetry.proto.metrics.v1.NumberDataPoint;
import io.opentelemetry.proto.metrics.v1.ResourceMetrics;
import io.opentelemetry.proto.metrics.v1.ScopeMetrics;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.cep.CEP;
import org.apache.flink.cep.functions.PatternProcessFunction;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.cep.pattern.conditions.SimpleCondition;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * The two works that are measured beside weir, on the same events: StreamJobs windows|pattern WARM_UP EVENTS. Metrics are
 * read from requests of OTLP, as they come from a topic; business events are made as objects. Objects are handed on
 * without copies where Flink allows it. A job runs once to warm up, then the CPU time of the whole process is taken.
 * Prints one line of JSON.
 */
public class StreamJobs {
  static final long START = 1_700_000_040_000L;
  static final int WINDOW_KEYS = 10_000;
  static final int BATCH = 1_000;
  static final int USERS = 100_000;
  static final int EVENTS_PER_MS = 2;
  static final int JITTER_MS = 5_000;
  static final LongAdder RESULTS = new LongAdder();
  static final LongAdder COUNTED = new LongAdder();

  public static void main(String[] args) throws Exception {
    boolean windows = args[0].equals("windows");
    run(windows, Long.parseLong(args[1]));
    RESULTS.reset();
    COUNTED.reset();
    System.gc();
    OperatingSystemMXBean process = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long events = Long.parseLong(args[2]);
    long before = process.getProcessCpuTime();
    run(windows, events);
    double seconds = (process.getProcessCpuTime() - before) / 1e9;
    System.out.printf("{\"events\": %d, \"cpuSeconds\": %.3f, \"results\": %d, \"counted\": %d}%n", events, seconds,
        RESULTS.sum(), COUNTED.sum());
    System.exit(0);
  }

  static void run(boolean windows, long events) throws Exception {
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1);
    env.getConfig().enableObjectReuse();
    if (windows) windows(env, events);
    else pattern(env, events);
    env.execute();
  }

  static void windows(StreamExecutionEnvironment env, long events) {
    env.fromSequence(0, events / BATCH - 1)
        .map(new Batches())
        .flatMap(new Points())
        .assignTimestampsAndWatermarks(WatermarkStrategy.<Point>forBoundedOutOfOrderness(Duration.ofMillis(JITTER_MS))
            .withTimestampAssigner((point, recorded) -> point.time))
        .keyBy(point -> point.key)
        .window(SlidingEventTimeWindows.of(Duration.ofMinutes(1), Duration.ofSeconds(30)))
        .aggregate(new Aggregation(), new Named())
        .sinkTo(new DiscardingSink<>());
  }

  public static class Point {
    public String key;
    public long time;
    public double value;
  }

  /** Requests as they come from a topic: made once for each thousand series, then only times and values are set. */
  static class Batches extends RichMapFunction<Long, byte[]> {
    static final double VALUE = 0.123456789;
    transient byte[][] templates;
    transient int[][] times, values;

    @Override
    public byte[] map(Long index) {
      if (templates == null) make();
      long first = index * BATCH;
      int which = (int) (first % WINDOW_KEYS / BATCH);
      byte[] bytes = templates[which].clone();
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      for (int at = 0; at < BATCH; at++) {
        long i = first + at;
        long time = START + i / WINDOW_KEYS * 1_000 - i * 7_919 % JITTER_MS;
        buffer.putLong(times[which][at], time * 1_000_000);
        buffer.putDouble(values[which][at], i * 7_919 % 1_000);
      }
      return bytes;
    }

    void make() {
      int count = WINDOW_KEYS / BATCH;
      templates = new byte[count][];
      times = new int[count][];
      values = new int[count][];
      for (int i = 0; i < count; i++) {
        templates[i] = request(i * BATCH);
        times[i] = places(templates[i], START * 1_000_000);
        values[i] = places(templates[i], Double.doubleToLongBits(VALUE));
      }
    }

    static byte[] request(int firstKey) {
      ExportMetricsServiceRequest.Builder request = ExportMetricsServiceRequest.newBuilder();
      for (int service = firstKey / 100; service < (firstKey + BATCH) / 100; service++) {
        ResourceMetrics.Builder resource = request.addResourceMetricsBuilder();
        resource.getResourceBuilder().addAttributesBuilder().setKey("service.name").getValueBuilder()
            .setStringValue("service-" + service);
        ScopeMetrics.Builder scope = resource.addScopeMetricsBuilder();
        for (int i = 0; i < 100; i++) {
          scope.addMetricsBuilder().setName("metric.number." + i).getGaugeBuilder().addDataPointsBuilder()
              .setTimeUnixNano(START * 1_000_000).setAsDouble(VALUE);
        }
      }
      return request.build().toByteArray();
    }

    static int[] places(byte[] bytes, long wanted) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      return IntStream.range(0, bytes.length - 7).filter(at -> buffer.getLong(at) == wanted).toArray();
    }
  }

  static class Points implements FlatMapFunction<byte[], Point> {
    @Override
    public void flatMap(byte[] bytes, Collector<Point> out) throws Exception {
      for (ResourceMetrics resource : ExportMetricsServiceRequest.parseFrom(bytes).getResourceMetricsList()) {
        String service = "";
        for (KeyValue attribute : resource.getResource().getAttributesList()) {
          if (attribute.getKey().equals("service.name")) service = attribute.getValue().getStringValue();
        }
        for (ScopeMetrics scope : resource.getScopeMetricsList()) {
          for (Metric metric : scope.getMetricsList()) {
            String key = service + ":" + metric.getName();
            for (NumberDataPoint each : metric.getGauge().getDataPointsList()) {
              Point point = new Point();
              point.key = key;
              point.time = each.getTimeUnixNano() / 1_000_000;
              point.value = each.getAsDouble();
              out.collect(point);
            }
          }
        }
      }
    }
  }

  public static class Numbers {
    public long count;
    public double sum;
    public double[] values = new double[16];
  }

  public static class Result {
    public String key;
    public long start;
    public long end;
    public long count;
    public double sum, avg, min, max, p95, p99;
  }

  static class Aggregation implements AggregateFunction<Point, Numbers, Result> {
    @Override
    public Numbers createAccumulator() {
      return new Numbers();
    }

    @Override
    public Numbers add(Point point, Numbers numbers) {
      if (numbers.count == numbers.values.length) numbers.values = Arrays.copyOf(numbers.values, numbers.values.length * 2);
      numbers.values[(int) numbers.count++] = point.value;
      numbers.sum += point.value;
      return numbers;
    }

    @Override
    public Result getResult(Numbers numbers) {
      int count = (int) numbers.count;
      double[] sorted = Arrays.copyOf(numbers.values, count);
      Arrays.sort(sorted);
      Result result = new Result();
      result.count = count;
      result.sum = numbers.sum;
      result.avg = numbers.sum / count;
      result.min = sorted[0];
      result.max = sorted[count - 1];
      result.p95 = sorted[(count * 95 + 99) / 100 - 1];
      result.p99 = sorted[(count * 99 + 99) / 100 - 1];
      return result;
    }

    @Override
    public Numbers merge(Numbers a, Numbers b) {
      throw new UnsupportedOperationException();
    }
  }

  static class Named extends ProcessWindowFunction<Result, Result, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<Result> results, Collector<Result> out) {
      for (Result result : results) {
        result.key = key;
        result.start = context.window().getStart();
        result.end = context.window().getEnd();
        RESULTS.increment();
        COUNTED.add(result.count);
        out.collect(result);
      }
    }
  }

  static void pattern(StreamExecutionEnvironment env, long events) {
    Pattern<Event, ?> pattern = Pattern.<Event>begin("start").where(new Is("user.session.start"))
        .next("errors").where(new Is("system.error")).timesOrMore(3).within(Duration.ofMinutes(5));
    CEP.pattern(
            env.fromSequence(0, events - 1)
                .map(new Events())
                .assignTimestampsAndWatermarks(WatermarkStrategy.<Event>forBoundedOutOfOrderness(Duration.ofSeconds(10))
                    .withTimestampAssigner((event, recorded) -> event.time))
                .keyBy(event -> event.user),
            pattern)
        .process(new Alerts())
        .sinkTo(new DiscardingSink<>());
  }

  public static class Event {
    public String id;
    public String name;
    public String user;
    public String session;
    public String body;
    public long time;
  }

  static class Events extends RichMapFunction<Long, Event> {
    transient String[] users, sessions;
    long seed = 1;

    int random(int below) {
      seed = (seed * 1_103_515_245L + 12_345L) & 0x7fff_ffffL;
      return (int) (seed / 2_147_483_648.0 * below);
    }

    @Override
    public Event map(Long index) {
      if (users == null) {
        users = new String[USERS];
        sessions = new String[USERS];
        for (int i = 0; i < USERS; i++) {
          users[i] = "user-" + i;
          sessions[i] = "session-" + i;
        }
      }
      Event event = new Event();
      int kind = random(1_000);
      int user = random(USERS);
      event.id = "evt-" + index;
      event.name = kind < 100 ? "user.session.start" : kind < 250 ? "system.error" : "page.view";
      event.user = users[user];
      event.session = sessions[user];
      event.body = "{\"page\":\"/home\"}";
      event.time = START + index / EVENTS_PER_MS - random(JITTER_MS);
      return event;
    }
  }

  static class Is extends SimpleCondition<Event> {
    final String name;

    Is(String name) {
      this.name = name;
    }

    @Override
    public boolean filter(Event event) {
      return name.equals(event.name);
    }
  }

  static class Alerts extends PatternProcessFunction<Event, String> {
    @Override
    public void processMatch(Map<String, List<Event>> match, Context context, Collector<String> out) {
      List<Event> errors = match.get("errors");
      RESULTS.increment();
      COUNTED.add(errors.size());
      out.collect("User " + match.get("start").get(0).user + " experienced " + errors.size() + " errors in session");
    }
  }
}
