import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/** One node of OpenSearch out of its libraries: java -cp 'lib/*' OpenSearchNode.java HOME HTTP_PORT TRANSPORT_PORT */
public class OpenSearchNode {
    static class One extends Node {
        One(Environment environment, Collection<PluginInfo> plugins) {
            super(environment, plugins, false);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Settings settings = Settings.builder()
            .put("path.home", arguments[0])
            .put("cluster.name", "trimwatch-tests")
            .put("node.name", "one")
            .put("network.host", "127.0.0.1")
            .put("http.port", arguments[1])
            .put("transport.port", arguments[2])
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("discovery.type", "single-node")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, Collections.emptyMap(), null, () -> "one");
        String netty = "org.opensearch.transport.Netty4ModulePlugin";
        PluginInfo plugin = new PluginInfo("netty", "HTTP", "1", Version.CURRENT, "21", netty, null, Collections.emptyList(), false);
        new One(environment, List.of(plugin)).start();
        Thread.currentThread().join();
    }
}
