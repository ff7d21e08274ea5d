# ruff: noqa: E501
"""Each text layout that people configure: its level in its place, its time, its message."""

from __future__ import annotations

import pytest

from detector.core.decode.logs import line as line_reader
from detector.records import Level
from tests.unit.core.decode.logs.marking import OBSERVED_MS

T, D, I, W, E, F = Level.TRACE, Level.DEBUG, Level.INFO, Level.WARN, Level.ERROR, Level.FATAL  # noqa: E741

HEADED = [
    # Spring Boot 2, 3, 4 and what people make of it
    ("2024-07-03 13:50:49.526  WARN 1 --- [nio-8080-exec-6] c.m.a.FraudController   : checkOrder", W, "checkOrder"),
    ("2024-07-03T13:50:49.526Z ERROR 1 --- [nio-8080-exec-6] c.m.a.FraudController   : a : b", E, "a : b"),
    ("2024-07-03T13:50:49.526+02:00  INFO 77 --- [shop] [           main] c.m.a.FraudController   : x", I, "x"),
    ("2024-07-03T13:50:49.526Z DEBUG 1 --- [shop] [nio-1] [65f1a,0b2c] c.m.a.FraudController   : ERROR here", D, "ERROR here"),
    ("2024-07-03T13:50:49.526Z ERROR 1 --- [           main] o.s.b.d.LoggingFailureAnalysisReporter   : ", E, ""),
    ("2024-07-03 13:50:49.526 DEBUG PID_IS_UNDEFINED --- [           main] c.z.h.HikariConfig           : ERROR", D, "ERROR"),
    # Logback, Log4j 1 and 2
    ("2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.MRAppMaster: Created MRAppMaster", I, "Created MRAppMaster"),
    ("13:50:49.526 [main] ERROR com.acme.App - boom", E, "boom"),
    ("13:50:49.526 [main] DEBUG com.acme.App -- ERROR boom", D, None),
    ("2024-07-03 13:50:49.526 [main] WARN  c.a.App - boom", W, "boom"),
    ("2024-07-03 13:50:49 ERROR App:12 - boom", E, None),
    ("2024-07-03 13:50:49,123 DEBUG [pool-1-thread-2] c.a.App - java.lang.ClassNotFoundException: x.Y", D, "java.lang.ClassNotFoundException: x.Y"),
    ("2024-07-03 13:50:49,123 ERROR java.lang.ClassNotFoundException: x.Y", E, "java.lang.ClassNotFoundException: x.Y"),
    ("0    [main] INFO  com.acme.App  - started", I, "started"),
    ("ERROR [main] c.a.App - boom", E, "boom"),
    ("ERROR - boom", E, "ERROR - boom"),
    ("2024-05-14T09:31:07.123Z\t4d3fab12-1a2b-3c4d-5e6f-123456789abc\tERROR\tUncaught Exception", E, "Uncaught Exception"),
    ("[ERROR] Runtime.ImportModuleError: Unable to import module 'app'", E, "Runtime.ImportModuleError: Unable to import module 'app'"),
    ("log4j:ERROR Could not read configuration file [x].", E, "log4j:ERROR Could not read configuration file [x]."),
    ("2024-05-14T09:31:07.123+0000 E CONTROL  [initandlisten] boom", E, None),
    ("2024-05-14 09:31:07.123 ERROR [shop,abc,def] 1 --- [nio-1] c.a.App : boom", E, "boom"),
    ("2024-05-14 09:31:07,123 [nio-1] ERROR c.a.App:123 - boom", E, "boom"),
    ('at=error code=H10 desc="App crashed" method=GET', E, None),
    ("[main] INFO com.acme.App - ERROR", I, "ERROR"),
    ("04-05-2026 10:11:13.001 DEBUG c.a.App - java.lang.ClassNotFoundException: x.Y", D, "java.lang.ClassNotFoundException: x.Y"),
    ("04.05.2026 10:11:13 ERROR c.a.App - boom", E, "boom"),
    ("FINE: java.lang.ClassNotFoundException: x.Y", D, None),
    ("FINER: java.lang.ClassNotFoundException: x.Y", T, None),
    ("2026-05-04 10:11:13.001 host shop DEBUG c.a.App java.lang.ClassNotFoundException: x.Y", D, None),
    ("- 2023-11-18 08:46:15,070 [main] DEBUG o.a.b.C:452 - java.lang.ClassNotFoundException: x.Y", D, "java.lang.ClassNotFoundException: x.Y"),
    ("[pool-1-thread-3] WARN App - boom", W, None),
    ("2024-05-14 09:31:07 [main] [ERROR] boom", E, "boom"),
    ("[2024-05-14 09:31:07] [ERROR] [main] boom", E, None),
    ("[ERROR] 2024-05-14 09:31:07 boom", E, "boom"),
    ("2024-05-14T09:31:07,123 ERROR [main] org.apache.druid.cli.CliBroker - boom", E, "boom"),
    ("2024-05-14 09:31:07,123 ERROR org.apache.flink.X [] - boom", E, "boom"),
    ("2024-05-14 09:31:07,123 main ERROR Unable to locate appender", E, "Unable to locate appender"),
    ('2024-05-14 09:31:07 {"level":"error","msg":"boom"}', E, "boom"),
    ("2024-05-14 09:31:07.123  INFO [shop,65f1,0b2c] 1 --- [main] c.a.App : ERROR", I, None),
    (" WARN [main] (App.java:12) - boom", W, None),
    ("[2024-07-03 13:50:49,123] ERROR [Thread-1] boom (kafka.server.KafkaServer)", E, None),
    ("[2025-05-02 02:02:34,296] ERROR org.apache.kafka.X: Unable (org.apache.kafka.tools.TopicCommand)", E, None),
    ("2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@774] - out: 3200", I, "out: 3200"),
    ("17/06/09 20:10:40 INFO executor.CoarseGrainedExecutorBackend: Registered", I, "Registered"),
    ("2024-05-14 09:31:07,123 | ERROR | boom | com.acme.App | main", E, None),
    ("2024-05-14 09:31:07.123+0000 [id=1]\tSEVERE\tjenkins.InitReactorRunner$1#onTaskFailed: Failed", E, None),
    ("ERROR [main] 2024-05-14 09:31:07,123 CassandraDaemon.java:486 - Exception encountered", E, None),
    ("INFO  [2024-05-14 09:31:07,123] com.acme.App: hello", I, "hello"),
    ("[2024-05-14T09:31:07,123][ERROR][o.e.b.Bootstrap] [node] fatal", E, None),
    # Tomcat, JBoss/WildFly/Quarkus, Micronaut, Jetty, Liberty, WebLogic, Solr
    ("31-Jul-2020 16:40:38.578 SEVERE [main] org.apache.catalina.startup.Catalina.start Failed", E, None),
    ("2024-05-14 09:31:07,123 ERROR [io.qua.run.Application] (main) Failed to start", E, "Failed to start"),
    ("09:31:07,123 ERROR [org.jboss.msc] (MSC service thread 1-2) MSC000001: Failed", E, "MSC000001: Failed"),
    ("09:31:07.123 [main] ERROR i.m.runtime.Micronaut - Error starting", E, "Error starting"),
    ("2024-05-14 09:31:07.123:WARN:oejs.HttpChannel:qtp1: boom", W, None),
    ("[5/14/24, 9:31:07:123 UTC] 00000001 com.ibm.ws.kernel                E CWWKE0001E: boom", E, "CWWKE0001E: boom"),
    ("<May 14, 2024 9:31:07 AM UTC> <Error> <Deployer> <BEA-149205> <Failed>", E, None),
    ("2024-05-14 09:31:07.123 ERROR (main) [c: s: r: x: t:] o.a.s.c.CoreContainer boom", E, None),
    # Python
    ("WARNING:root:Watch out!", W, "Watch out!"),
    ("CRITICAL:app.db:gone", F, "gone"),
    ("2024-05-14 09:31:07,123 - app.db - ERROR - could not connect", E, "could not connect"),
    ("2024-05-14 09:31:07,123 - root - DEBUG - ERROR", D, "ERROR"),
    ("2024-05-14 09:31:07,123 ERROR app.db could not connect", E, None),
    ("2024-05-14 09:31:07,123 app.db INFO ERROR is a word", I, None),
    ("[2024-05-14 09:31:07 +0000] [7] [ERROR] Exception in worker process", E, "Exception in worker process"),
    ('ERROR:    Error loading ASGI app. Could not import module "main".', E, 'Error loading ASGI app. Could not import module "main".'),
    ("INFO:     Started server process [1]", I, "Started server process [1]"),
    ('INFO:     127.0.0.1:5 - "GET /java.lang.Error HTTP/1.1" 200 OK', I, None),
    ("[2024-10-29 18:39:42,809: ERROR/MainProcess] consumer: Cannot connect", E, None),
    ("[2024-05-14T09:31:07.123+0000] {taskinstance.py:1937} ERROR - Task failed", E, "Task failed"),
    ("2024-05-14T09:31:07.123456Z [error    ] could not connect              [app.db] host=x", E, None),
    ("2024-05-14 09:31:07 [info     ] error could not connect", I, "error could not connect"),
    ("2024-05-14 09:31:07.123 | ERROR    | app.db:connect:12 - could not connect", E, "could not connect"),
    ("2024-05-14 09:31:07.123 | DEBUG    | __main__:<module>:12 - ERROR", D, "ERROR"),
    ("[05/14/24 09:31:07] ERROR    could not connect            db.py:12", E, None),
    ("[E 240514 09:31:07 web:1789] Uncaught exception GET / (::1)", E, "Uncaught exception GET / (::1)"),
    ("[W 2024-05-14 09:31:07.123 ServerApp] x", W, "x"),
    ("[2024-05-14 09:31:07,123] ERROR in app: Exception on / [GET]", E, "in app: Exception on / [GET]"),
    # Go, Rust, C++
    ("I1025 00:15:15.525108       1 httplog.go:79] GET /api/v1", I, "GET /api/v1"),
    ("F0514 09:31:07.123456 1 main.cc:10] Check failed: x", F, "Check failed: x"),
    ("ERRO[0000] error waiting for container", E, "error waiting for container"),
    ("WARN[2024-05-14T09:31:07Z] x", W, "x"),
    ("2024-05-14T09:31:07.123Z\tERROR\tcontroller/main.go:12\tcould not\t{}", E, None),
    ("2024-05-14T09:31:07.123+0200\terror\tcontroller/main.go:12\tcould not", E, None),
    ("2024-05-14T09:31:07Z ERR could not error=x", E, "could not error=x"),
    ("9:31AM INF ERROR is a word", I, "ERROR is a word"),
    ("2024-05-14T09:31:07.123Z [ERROR] agent: could not", E, None),
    ("[1] 2025/06/29 11:57:58.502311 [ERR] Error listening", E, "Error listening"),
    ("2024-05-14 09:31:07.123456 E | etcdserver: could not", E, "etcdserver: could not"),
    ("2024-05-14T09:31:07.123456Z ERROR my_crate::db: could not", E, "could not"),
    ("2024-05-14T09:31:07.123456Z  INFO my_crate::db: ERROR", I, "ERROR"),
    ("[2024-05-14T09:31:07Z ERROR my_crate::db] could not", E, "could not"),
    ("May 14 09:31:07.123 ERRO could not", E, "could not"),
    # .NET
    ("fail: Microsoft.AspNetCore.Server.Kestrel[13]", E, ""),
    ("info: Microsoft.Hosting.Lifetime[14]", I, ""),
    ("crit: Acme.Worker[0]", F, ""),
    ("[09:31:07 ERR] could not connect", E, "could not connect"),
    ("[09:31:07 INF] ERROR", I, "ERROR"),
    ("2024-05-14 09:31:07.123 +00:00 [WRN] x", W, "x"),
    ("2024-05-14 09:31:07.1234|ERROR|Acme.Db|could not", E, "could not"),
    ("2024-05-14 09:31:07.1234 ERROR could not", E, "could not"),
    ("2024-05-14 09:31:07,123 [1] ERROR Acme.Db [(null)] - could not", E, "could not"),
    # Ruby, PHP, Elixir, Erlang
    ("E, [2024-05-14T09:31:07.123456 #7] ERROR -- : boom", E, "boom"),
    ("I, [2024-05-14T09:31:07.123456 #7]  INFO -- app: ERROR", I, "ERROR"),
    ("2024-05-14T09:31:07.123Z pid=7 tid=abc ERROR: boom", E, "boom"),
    ('[14-May-2024 07:31:07 UTC] PHP Fatal error:  Uncaught Error: Class "PDO" not found', F, None),
    ("[14-May-2024 07:31:07 UTC] PHP Warning:  foo", W, None),
    ("[14-May-2024 07:31:07] NOTICE: fpm is running, pid 1", I, None),
    ("PHP Warning:  PHP Startup: Unable to load dynamic library 'x'", W, None),
    ('[2024-05-14 09:31:07] production.ERROR: boom {"exception":"x"}', E, None),
    ("[2024-05-14T09:31:07.123456+00:00] request.CRITICAL: Uncaught PHP Exception", F, None),
    ("[2024-05-14T09:31:07.123456+00:00] app.DEBUG: ERROR", D, "ERROR"),
    ("09:31:07.123 [error] GenServer terminating", E, "GenServer terminating"),
    ("2025-03-11 14:00:19.421872+00:00 [erro] <0.229.0> Discarding message", E, "Discarding message"),
    ("=ERROR REPORT==== 14-May-2024::09:31:07 ===", E, ""),
    # Node
    ("[Nest] 7  - 05/14/2024, 9:31:07 AM   ERROR [ExceptionHandler] Nest can't", E, "Nest can't"),
    ("[Nest] 7  - 05/14/2024, 9:31:07 AM     LOG [NestFactory] ERROR", I, "ERROR"),
    ("[14:05:01.123] ERROR (7): could not connect", E, None),
    ("error: could not connect", E, "error: could not connect"),
    ("2024-05-14T09:31:07.123Z error: could not connect", E, None),
    ("2024-05-14T09:31:07.123Z [api] warn: could not", W, None),
    # Servers
    ("[2024-05-14 09:31:07.123][1][critical][main] [source/server/server.cc:117] error initializing", F, "error initializing"),
    ('2021/04/01 13:02:31 [error] 31#31: *1 open() "/x" failed', E, 'open() "/x" failed'),
    ("2021/04/01 13:02:31 [emerg] 1#1: host not found in upstream", F, "host not found in upstream"),
    ('nginx: [emerg] unknown directive "brotli" in /etc/nginx/nginx.conf:12', F, None),
    ("[Sun Dec 04 04:47:44 2005] [error] mod_jk child", E, "mod_jk child"),
    ("[Sun Dec 04 04:47:44.123456 2024] [core:error] [pid 35:tid 1] AH00082: x", E, None),
    ("1:M 14 May 2024 09:31:07.123 # Warning: x", W, "Warning: x"),
    ("1:M 14 May 2024 09:31:07.123 * Ready", I, "Ready"),
    ("2024-05-14 09:31:07.123 UTC [71] FATAL:  could not access file", F, "could not access file"),
    ("2024-05-14 09:31:07.123 UTC [71] app@db LOG:  ERROR", I, None),
    ("2024-05-14T09:31:07.123456Z 0 [ERROR] [MY-010119] [Server] Aborting", E, "Aborting"),
    ("2026-11-23 16:32:19 0 [ERROR] InnoDB: Cannot map", E, "InnoDB: Cannot map"),
    ("2026-11-23 16:32:19 0 [Note] InnoDB: ERROR", I, "InnoDB: ERROR"),
    ("2024.05.14 09:31:07.123456 [ 71 ] {} <Error> Application: DB::Exception: x", E, None),
    ("[ALERT]    (1) : config : parsing [/x:1]", F, "config : parsing [/x:1]"),
    ("[ERROR] plugin/errors: 2 x. A: read udp", E, None),
    ("03-17 16:13:38.811  1702  2395 E WindowManager: boom", E, "boom"),
    ("081109 203615 148 INFO dfs.DataNode$PacketResponder: ERROR", I, "ERROR"),
    ("2016-09-28 04:30:30, Info                  CBS    Loaded Servicing Stack", I, None),
    ("[INFO] BUILD FAILURE", I, "BUILD FAILURE"),
    ("[0.035s][info][class,load] java.lang.NoClassDefFoundError source: shared objects file", I, None),
    ("[2024-05-14T09:31:07.123+0000][warning][gc,metaspace] x", W, None),
    ("[23/Nov/2026 16:38:50] \"GET /java.lang.Error HTTP/1.1\" 404 2186", I, None),
    ("127.0.0.1 - - [23/Nov/2026 16:38:40] \"GET /java.lang.Error HTTP/1.1\" 200 -", I, None),
    ("ok 1 - handles Cannot find module 'left-pad'", I, "- handles Cannot find module 'left-pad'"),
    ("# Subtest: spawn ffmpeg ENOENT", I, "spawn ffmpeg ENOENT"),
    ("not ok 2 - handles Cannot find module 'left-pad'", I, "- handles Cannot find module 'left-pad'"),
    ("  \u2714 resolves optional parts (Cannot find module 'x' is swallowed) (1.2ms)", I, None),
    ("MODULE 26541: looking for 'x' in []", D, None),
    ("  app:db Cannot find module 'x' +12ms", D, None),
    ("express:router:layer new '/' +0ms", D, None),
    ("[Loaded java.lang.NoClassDefFoundError from shared objects file]", D, None),
    ("[ERROR] COMPILATION ERROR :", E, "COMPILATION ERROR :"),
    # access lines: what a client asks for is no failure
    ('53.126.150.246 - - [01/Oct/2020:11:25:58 -0400] "GET /java.lang.ClassNotFoundException:%20x HTTP/2.0" 401 2 "-" "c"', I, None),
    ('[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 503 UF 154 0 226 100 "10.0.35.28" "nsq2http"', I, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "level", "message"), HEADED, ids=[case[0][:60] for case in HEADED])
def test_level_and_message(text: str, level: Level, message: str | None) -> None:
    """The level is read in its place, and the message begins behind the header."""
    found = line_reader.read(text.encode(), OBSERVED_MS)
    reading = line_reader.meaning(found, OBSERVED_MS)
    assert reading.level is level
    if message is not None:
        assert reading.message.decode() == message


LEVELLESS = [
    "2009/11/10 23:00:00 main.go:12: message",
    "2009/11/10 23:00:00 Got ERROR from upstream",
    "2009/11/10 23:00:00 error opening file",
    "2009/11/10 23:00:00 http: panic serving 1.2.3.4:1: boom",
    "[    0.123456] Out of memory: Killed process 7 (java)",
    "java.lang.ClassNotFoundException: x.Y",
    "Error: Cannot find module 'pg'",
    "Killed",
    "exec /app/run: exec format error",
    "Could not find ERROR in the text",
    "npm ERR! code ENOENT",
    "the INFO line",
    "\tat a.b.C(D.java:1) ERROR",
    "panic: ERROR",
    "Warning: Ignoring JAVA_HOME",
    "  error: '1 == 2'",
]


@pytest.mark.parametrize("text", LEVELLESS)
def test_a_word_in_the_message_is_no_level(text: str) -> None:
    """A line that names a level somewhere has none."""
    assert line_reader.meaning(line_reader.read(text.encode(), OBSERVED_MS), OBSERVED_MS).level is None


@pytest.mark.parametrize(
    ("text", "level", "message"),
    [
        ("2024-05-14 09:31:07 \x1b[31mERROR\x1b[0m \x1b[1mboom\x1b[0m", E, "boom"),
        ("\x1b[2m2024-05-14T09:31:07.123456Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mmy_crate::db\x1b[0m\x1b[2m:\x1b[0m could not", E, "could not"),
        ("\x1b[32minfo\x1b[39m: ERROR", I, "info: ERROR"),
        ("\x1b[41m\x1b[30mfail\x1b[39m\x1b[22m\x1b[49m: Acme.Db[3]", E, ""),
        ("[14:05:01.123] \x1b[31mERROR\x1b[39m (7): \x1b[36mcould not\x1b[39m", E, None),
        ("2024-05-14T09:31:07Z \x1b[1m\x1b[31mERR\x1b[0m\x1b[0m boom", E, "boom"),
        ("\x1b[2m2024-05-14T09:31:07Z\x1b[0m [\x1b[31m\x1b[1merror    \x1b[0m] \x1b[1mboom\x1b[0m", E, "boom"),
        ("\x1b[30m2024-07-03T13:50:49.526Z\x1b[0;39m \x1b[31mERROR\x1b[0;39m \x1b[35m1\x1b[0;39m --- [main] \x1b[36mc.a.App\x1b[0;39m : boom", E, "boom"),
    ],
)  # fmt: skip
def test_colours_are_read_through(text: str, level: Level, message: str | None) -> None:
    """Escape sequences around the level do not hide it, and are not part of the message."""
    reading = line_reader.meaning(line_reader.read(text.encode(), OBSERVED_MS), OBSERVED_MS)
    assert reading.level is level
    if message is not None:
        assert reading.message.decode() == message
