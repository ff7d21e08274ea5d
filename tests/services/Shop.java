package shop;  // Spring looks for parts of a program in its package: not in the one of all packages

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.metrics.prometheus.PrometheusMetricsTrackerFactory;
import io.prometheus.client.hotspot.DefaultExports;
import io.prometheus.metrics.exporter.httpserver.HTTPServer;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import javax.sql.DataSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/**
 * A shop with a pool of connections. Micrometer tells of it on its own port; client_java 0.x (with a second pool, by HikariCP's own
 * collector) and 1.x on the ports that are its arguments.
 */
@SpringBootApplication
@RestController
public class Shop {
    private static HikariDataSource second;
    private final DataSource pool;
    private final Deque<Connection> held = new ArrayDeque<>();

    Shop(DataSource pool) {
        this.pool = pool;
    }

    public static void main(String[] arguments) throws Exception {
        DefaultExports.initialize();
        new io.prometheus.client.exporter.HTTPServer("127.0.0.1", Integer.parseInt(arguments[0]), true);
        JvmMetrics.builder().register();
        HTTPServer.builder().hostname("127.0.0.1").port(Integer.parseInt(arguments[1])).buildAndStart();
        HikariConfig settings = new HikariConfig();
        settings.setJdbcUrl("jdbc:h2:mem:second");
        settings.setPoolName("second");
        settings.setMaximumPoolSize(4);
        settings.setMetricsTrackerFactory(new PrometheusMetricsTrackerFactory());
        second = new HikariDataSource(settings);
        SpringApplication.run(Shop.class);
    }

    @GetMapping("/cart")
    String cart() {
        return "a cart";
    }

    @GetMapping("/fail")
    String fail() {
        throw new IllegalStateException("out of stock");
    }

    @GetMapping("/take")
    synchronized String take(@RequestParam int count) throws SQLException {
        for (int at = 0; at < count; at++) {
            held.push(pool.getConnection());
        }
        return "held";
    }

    @GetMapping("/give")
    synchronized String give() throws SQLException {
        while (!held.isEmpty()) {
            held.pop().close();
        }
        return "given";
    }

    @GetMapping("/collect")
    String collect() {
        System.gc();
        return "collected";
    }
}
