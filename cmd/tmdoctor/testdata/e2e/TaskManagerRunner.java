package org.apache.flink.runtime.taskexecutor;

import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * A stand-in for a TaskManager: the right class name, and as many memory maps
 * and open files as the system properties hold.maps and hold.files say.
 */
public class TaskManagerRunner {
    public static void main(String[] args) throws Exception {
        String dir = System.getProperty("java.io.tmpdir");
        List<Object> held = new ArrayList<>();
        int maps = Integer.getInteger("hold.maps", 0);
        try (RandomAccessFile file = new RandomAccessFile(dir + "/held", "rw")) {
            file.setLength(2L * 4096);
            for (int i = 0; i < maps; i++) {
                // Two neighbours of one file and offset never merge into one map.
                MappedByteBuffer b = file.getChannel().map(FileChannel.MapMode.READ_ONLY, 4096L * (i % 2), 4096);
                b.get(0);
                held.add(b);
            }
        }
        int files = Integer.getInteger("hold.files", 0);
        for (int i = 0; i < files; i++) {
            held.add(new RandomAccessFile(dir + "/held", "r"));
        }
        new java.io.File(dir + "/ready").createNewFile();
        Thread.sleep(Long.MAX_VALUE);
    }
}
