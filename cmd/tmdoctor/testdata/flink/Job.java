import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Keeps bytes per key in as many keyed operators as the first argument says.
 */
public class Job {
    public static void main(String[] args) throws Exception {
        int operators = args.length > 0 ? Integer.parseInt(args[0]) : 1;
        int size = args.length > 1 ? Integer.parseInt(args[1]) : 1000;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        DataStream<Long> stream = env.fromSequence(0, Long.MAX_VALUE - 1);
        for (int i = 0; i < operators; i++) {
            stream = stream.keyBy(n -> n % 5000).process(new Keep(size)).uid("keep-" + i);
        }
        stream.filter(n -> false).print();
        env.execute(args.length > 2 ? args[2] : "job");
    }

    static class Keep extends KeyedProcessFunction<Long, Long, Long> {
        private final int size;
        private transient ValueState<byte[]> state;
        private transient java.util.Random random;

        Keep(int size) {
            this.size = size;
        }

        @Override
        public void processElement(Long n, Context context, Collector<Long> out) throws Exception {
            if (state == null) {
                state = getRuntimeContext().getState(new ValueStateDescriptor<>("bytes", byte[].class));
                random = new java.util.Random(1);
            }
            byte[] bytes = state.value();
            if (bytes == null || bytes.length != size) {
                bytes = new byte[size];
            }
            random.nextBytes(bytes);
            state.update(bytes);
            if (n % 10 == 0) {
                Thread.sleep(10);
            }
            out.collect(n);
        }
    }
}
