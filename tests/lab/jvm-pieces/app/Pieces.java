package gate;

import depot.Crate;
import depot.Movable;
import depot.Rack;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.ResourceBundle;
import java.util.ServiceLoader;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;

/** One small deed a name; run.sh takes the piece away that the deed needs and keeps what the runtime prints. */
public class Pieces {
    private static native int checksum(byte[] bytes);

    static class Shelf implements Rack {
        public int places() {
            return 3;
        }
    }

    public static void main(String[] args) throws Throwable {
        switch (args[0]) {
            case "class" -> System.out.println(new Crate(4).label("no "));
            case "field" -> System.out.println(((Crate) Made.movable()).weight);
            case "static-field" -> System.out.println(Crate.EMPTY);
            case "method" -> System.out.println(((Crate) Made.movable()).label("x"));
            case "constructor" -> System.out.println(new Crate(4));
            case "abstract" -> { Movable movable = Made.movable(); System.out.println(movable.where()); }
            case "interface" -> System.out.println(new Shelf().places());
            case "reflect-constructor" -> System.out.println(Class.forName("depot.Crate").getConstructor(String.class));
            case "reflect-method" -> System.out.println(Class.forName("depot.Crate").getMethod("weigh", int.class));
            case "reflect-field" -> System.out.println(Class.forName("depot.Crate").getField("colour"));
            case "pool" -> {
                var pool = Executors.newSingleThreadExecutor();
                try { pool.submit(() -> new Crate(2).label("")).get(); } finally { pool.shutdown(); }
            }
            case "logged" -> {
                try { Class.forName("depot.Crate"); } catch (Throwable error) { logger().log(Level.SEVERE, "cannot book the delivery", error); }
            }
            case "logged-low" -> {
                Logger.getLogger("").getHandlers()[0].setLevel(Level.ALL);
                Logger logger = logger();
                logger.setLevel(Level.ALL);
                try { Class.forName("depot.Crate"); } catch (Throwable error) { logger.log(Level.FINE, "optional depot is not there", error); }
            }
            case "twice" -> { for (int i = 0; i < 2; i++) { try { Holder.touch(); } catch (Throwable error) { error.printStackTrace(); } } }
            case "native" -> System.out.println(checksum(new byte[2]));
            case "load-library" -> System.loadLibrary("depotcrc");
            case "load" -> System.load(args[1]);
            case "services" -> ServiceLoader.load(Runnable.class).forEach(Runnable::run);
            case "bundle" -> ResourceBundle.getBundle("texts.Labels");
            case "resource" -> { try (InputStream in = Pieces.class.getResourceAsStream("/prices.csv")) { System.out.println(in.readAllBytes().length); } }
            case "resource-url" -> System.out.println(Pieces.class.getResource("/prices.csv").toURI());
            case "properties" -> { Properties p = new Properties(); p.load(Pieces.class.getResourceAsStream("/shop.properties")); }
            case "charset" -> System.out.println(Charset.forName("IBM037"));
            case "charset-name" -> System.out.println(new String(new byte[2], "x-SJIS_0213"));
            case "zipfs" -> System.out.println(FileSystems.newFileSystem(URI.create("jar:file:" + args[1]), java.util.Map.of()));
            case "zipfs-path" -> System.out.println(FileSystems.newFileSystem(Path.of(args[1]), (ClassLoader) null));
            case "zone" -> System.out.println(ZonedDateTime.now(ZoneId.of(args.length > 1 ? args[1] : "Europe/Berlin")));
            case "exec" -> new ProcessBuilder("wkhtmltopdf", "a").start();
            case "keys" -> System.out.println(KeyPairGenerator.getInstance("EC"));
            case "digest" -> System.out.println(MessageDigest.getInstance("BLAKE2B-256"));
            case "cipher" -> System.out.println(javax.crypto.Cipher.getInstance("SM4/CBC/PKCS5Padding"));
            case "provider" -> System.out.println(MessageDigest.getInstance("SHA-256", "BC"));
            case "keystore" -> System.out.println(KeyStore.getInstance("BKS"));
            case "https" -> System.out.println(HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(args[1])).build(), HttpResponse.BodyHandlers.ofString()));
            case "https-old" -> System.out.println(new java.net.URL(args[1]).openStream().read());
            case "host" -> System.out.println(InetAddress.getByName("no-such-host.invalid"));
            case "image" -> {
                var image = new BufferedImage(40, 40, BufferedImage.TYPE_INT_RGB);
                var g = image.createGraphics();
                g.setColor(Color.RED);
                g.drawString("label", 2, 20);
                System.out.println("drawn");
            }
            case "window" -> new java.awt.Frame("x").setVisible(true);
            case "sql" -> java.sql.DriverManager.getConnection("jdbc:postgresql://db:5432/depot");
            case "xml" -> System.out.println(javax.xml.parsers.DocumentBuilderFactory.newInstance());
            case "xml-factory" -> { System.setProperty("javax.xml.parsers.DocumentBuilderFactory", "org.apache.xerces.jaxp.DocumentBuilderFactoryImpl"); System.out.println(javax.xml.parsers.DocumentBuilderFactory.newInstance()); }
            case "unsafe" -> System.out.println(Class.forName("sun.misc.Unsafe"));
            case "jndi" -> System.out.println(new javax.naming.InitialContext().lookup("jdbc/depot"));
            case "script" -> System.out.println(new javax.script.ScriptEngineManager().getEngineByName("nashorn").eval("1"));
            case "heap" -> { List<byte[]> all = new ArrayList<>(); while (true) all.add(new byte[1 << 18]); }
            case "heap-thread" -> { Thread t = new Thread(() -> { List<byte[]> all = new ArrayList<>(); while (true) all.add(new byte[1 << 18]); }, "export-1"); t.start(); t.join(); }
            case "strings" -> { var all = new java.util.HashMap<Integer, String>(); for (int i = 0; ; i++) all.put(i, "row " + i); }
            case "array" -> System.out.println(new long[Integer.MAX_VALUE].length);
            case "direct" -> { List<ByteBuffer> all = new ArrayList<>(); while (true) all.add(ByteBuffer.allocateDirect(1 << 20)); }
            case "threads" -> { for (int i = 0; i < 200000; i++) { var t = new Thread(() -> { try { Thread.sleep(60000); } catch (InterruptedException e) { } }); t.setDaemon(true); t.start(); } }
            case "stack" -> System.out.println(depth(1));
            case "ok" -> System.out.println("well");
            default -> throw new IllegalArgumentException(args[0]);
        }
    }


    private static int depth(int n) {
        return depth(n + 1) + 1;
    }

    private static Logger logger() {
        return Logger.getLogger("depot.Booking");
    }

    static class Holder {
        static final String VALUE = new Crate(1).label("");

        static void touch() {
            System.out.println(VALUE);
        }
    }

    static class Made {
        static Movable movable() throws Exception {
            var constructor = Class.forName("depot.Crate").getDeclaredConstructor();
            constructor.setAccessible(true);
            return (Movable) constructor.newInstance();
        }
    }
}
