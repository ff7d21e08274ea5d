"""Level patterns: whatever a layout calls WARN or worse gives a mark, however it is framed."""

import json

import pytest

from detector.core.engine.scan import HyperscanScanner, SetScanner, compile_database, pattern_table

TABLE = pattern_table(())
FAST = HyperscanScanner(compile_database(TABLE))
SLOW = SetScanner(TABLE)

LOUD_LINES = [
    "2024-07-03T13:50:49.526Z  WARN 1 --- [http-nio-8080-exec-6] c.m.antifraud.FraudDetectionController   : checkOrder",
    "2024-07-03 13:50:49.526 ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed",
    "\x1b[2m2024-07-03T13:50:49.526Z\x1b[0;39m \x1b[31mERROR\x1b[0;39m \x1b[35m1\x1b[0;39m --- [main] x : y",
    "2015-10-18 18:01:47,978 WARN [main] org.apache.hadoop.X: slow",
    "2015-07-29 17:41:44,747 - WARN  [QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181:FastLeaderElection@774] - time out: 3200",
    "17/06/09 20:10:40 ERROR executor.CoarseGrainedExecutorBackend: lost",
    "SEVERE: Error starting static Resources",
    "WARNING: An illegal reflective access operation has occurred",
    "31-Jul-2020 16:40:38.578 SEVERE [main] org.apache.catalina.core.StandardService.x failed",
    "WARNING:root:Watch out!",
    "CRITICAL:app:gone",
    "2024-05-14 09:31:07,123 - app.db - ERROR - could not connect",
    "[2024-05-14 09:31:07 +0000] [7] [ERROR] Exception in worker process",
    'ERROR:    Error loading ASGI app. Could not import module "main".',
    "E, [2024-05-14T09:31:07.123456 #7] ERROR -- : message",
    "W, [2024-05-14T09:31:07.123456 #7]  WARN -- : message",
    '[14-May-2024 07:31:07 UTC] PHP Fatal error:  Uncaught Error: Class "PDO" not found in /app/index.php:3',
    "PHP Warning:  Module 'x' already loaded in Unknown on line 0",
    "[14-May-2024 07:31:07] WARNING: [pool www] server reached pm.max_children",
    "fail: Microsoft.AspNetCore.Server.Kestrel[13]",
    "crit: Microsoft.AspNetCore.Hosting.Diagnostics[6]",
    "warn: Microsoft.EntityFrameworkCore[1]",
    "W1025 00:15:15.525108       1 httplog.go:79] slow",
    'E1025 00:15:15.525108       1 controller_utils.go:116] "Pod failed" pod="kube-system/kubedns"',
    "F0514 09:31:07.123456 1 main.cc:10] Check failed: x",
    'time="2024-05-14T09:31:07Z" level=error msg="exec: \\"git\\": executable file not found in $PATH" caller=main.go:10',
    "ts=2024-05-14T09:31:07Z level=warn caller=x msg=y",
    'lvl=crit t=2024 msg="x"',
    "[2024-05-14 09:31:07.123][1][critical][main] [source/server/server.cc:117] error initializing configuration",
    "[2024-05-14 09:31:07.123][1][warning][misc] x",
    '2021/04/01 13:02:31 [error] 31#31: *1 open() "/usr/share/nginx/html/not-found" failed (2: No such file or directory)',
    'nginx: [emerg] unknown directive "brotli" in /etc/nginx/nginx.conf:12',
    "[Sun Dec 04 04:47:44 2005] [error] mod_jk child workerEnv in error state 6",
    "[Sun Dec 04 04:47:44 2024] [core:error] [pid 35:tid 1] AH00082: x",
    "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - BOM'su root' failed for lonvick on /dev/pts/8",
    "<12>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
    "83 <187>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - failed",
    "1:M 14 May 2024 09:31:07.123 # Warning: no config file specified",
    '2024-05-14 09:31:07.123 UTC [71] FATAL:  could not access file "pg_stat_statements": No such file or directory',
    "2024-05-14T09:31:07.123456Z 0 [ERROR] [MY-010119] [Server] Aborting",
    "2024-05-14T09:31:07.123456Z 0 [Warning] [MY-010068] [Server] CA certificate ca.pem is self signed.",
    "2024-05-14T09:31:07.123Z\terror\tapp/main.go:10\tfailed",
    "2024-05-14T09:31:07.123Z\tDPANIC\tapp/main.go:10\tfailed",
    "9:31AM ERR failed error=x",
    "9:31AM WRN slow",
    "[09:31:07 ERR] Hosting failed to start",
    "[09:31:07 FTL] Host terminated",
    "ERRO[0000] cannot open",
    "2024-05-14 09:31:07 [error    ] cannot open   x=1",
    "error: Cannot find module 'pg'",
    "[2024-05-14T09:31:07.123456+00:00] app.CRITICAL: Uncaught",
    "PRIORITY=3",
    "\x1b[41m\x1b[30mfail\x1b[39m\x1b[22m\x1b[49m: Acme.Db[3]",
    "\x1b[2m2024-05-14T09:31:07Z\x1b[0m [\x1b[31m\x1b[1merror    \x1b[0m] \x1b[1mboom\x1b[0m",
    "2026.11.24 07:31:07.123456 [ 71 ] {abc} <Error> executeQuery: Code: 241. DB::Exception: Memory limit",
    "2024-05-14 09:31:07 error  something broke",
    "2024-05-14 09:31:07 error shop.cart : something broke",
    "2024-05-14 09:31:07.123 | ERROR    | app:main:10 - failed",
    "2024-05-14 09:31:07.123 | error | app - failed",
    "2024-05-14 09:31:07 Error | app | failed",
    "2024-05-14 09:31:07,12 [main] (Warning) x",
    "[2024-05-14 09:31:07 Warning] x",
    "2024-05-14 09:31:07.123456 E | etcdserver: publish error",
    "2024-05-14 09:31:07.123456 C | etcdmain: cannot fetch",
    "05-14 09:31:07.123  1234  1234 E AndroidRuntime: FATAL",
    "05-14 09:31:07.123  1234  1234 W System: slow",
    "[E 240514 09:31:07 web:1789] Uncaught exception",
    "[5/14/24 9:31:07:123 CEST] 0000000a FfdcProvider  W com.ibm.ws.ffdc: problem",
    "####<May 14, 2024 9:31:07 AM> <Error> <Deployer> <host>",
    "=ERROR REPORT==== 14-May-2024::09:31:07.123 ===",
    "[ALERT]    (1) : parsing failed",
    "PHP Recoverable fatal error:  x",
    "error - something broke",
    "<Warning> something",
    "W240514 09:31:07.123456 12 server/node.go:10  x",
    "09:31:07 EROR x",
    "CRI [main] x",
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "Traceback (most recent call last):",
    'Exception in thread "main" java.lang.NoClassDefFoundError: a/B',
    "Unhandled exception. System.IO.FileNotFoundException: x",
    "fatal error: all goroutines are asleep - deadlock!",
]

LOUD_RECORDS = [
    {"@timestamp": "2019-09-17T13:16:48.038Z", "log.level": "ERROR", "message": "m"},
    {"log": {"level": "warn", "logger": "x"}, "message": "m"},
    {"message": "m", "level": "ERROR", "level_value": 40000},
    {"message": "m", "level_value": 30000},
    {"level": "error", "ts": 0, "msg": "Oh no!"},
    {"level": "dpanic", "ts": 0.5, "msg": "m"},
    {"level": "warning", "event": "m"},
    {"level": 50, "msg": "an error"},
    {"level": 40, "msg": "slow"},
    {"level": 60, "msg": "dead"},
    {"levelname": "CRITICAL", "message": "m"},
    {"@t": "2024", "@mt": "m", "@l": "Fatal"},
    {"@t": "2024", "@mt": "m", "@l": "Warning"},
    {"EventId": 0, "LogLevel": "Error", "Message": "m"},
    {"LogLevel": "Critical", "Message": "m"},
    {"severity": "ERROR", "message": "m"},
    {"severity": "ALERT", "message": "m"},
    {"time": "2023", "level": "ERROR+2", "msg": "m"},
    {"t": {"$date": "2024"}, "s": "E", "c": "CONTROL", "msg": "m"},
    {"t": {"$date": "2024"}, "s": "W", "c": "CONTROL", "msg": "m"},
    {"PRIORITY": "3", "MESSAGE": "m"},
    {"version": "1.1", "short_message": "m", "level": 3},
    {"severityNumber": 17, "body": "m"},
    {"ts": 1580306777.04728, "err": "no such host", "msg": "m"},
    {"kind": "Event", "reason": "BackOff", "type": "Warning"},
    {"level": "fatal", "msg": "m"},
    {"lvl": "eror", "msg": "m"},
    {"level": {"name": "error", "level": 3}, "msg": "m"},
    {"level": {"level": 50}, "msg": "m"},
    {"level": "E", "msg": "m"},
    {"level": "\x1b[31merror\x1b[39m", "message": "m"},
    {"level": 400, "level_name": "ERROR", "message": "m"},
    {"level": "40", "message": "m"},
    {"severity_text": "Warn", "body": "m"},
    {"label": "Error", "message": "m"},
    {"tags": ["error", "plugins"], "message": "m"},
    {"prio": 1, "err_code": 10119, "msg": "m"},
    {"error_severity": "FATAL", "message": "m"},
    {"message": "m", "level": "wrn"},
]

QUIET_LINES = [
    "2024-07-03T13:50:49.526Z  INFO 1 --- [main] c.m.Shop : checked the order, no error, warnings off",
    "I1025 00:15:15.525108       1 httplog.go:79] GET /api/v1/errors 200",
    "9:31AM INF started",
    '53.126.150.246 - - [01/Oct/2020:11:25:58 -0400] "GET /errors/warn HTTP/2.0" 200 20308 "-" "curl/8.0"',
    "info: Microsoft.Hosting.Lifetime[0]",
    "<14>Oct 11 22:14:15 mymachine su: ok",
    '{"level":"info","ts":1700000000.5,"msg":"no error at all"}',
    '{"level":30,"time":1700000000000,"msg":"ok"}',
    '{"message":"ok","level":"INFO","level_value":20000}',
    '{"@timestamp":"2019-09-17T13:16:48.038Z","log.level":"INFO","message":"warned the user"}',
    "12:00:01 query[A] NOERROR x.example.org",
    "2024-07-03 13:50:49,526 INFO [main] a.B - An error or a warning (failed over) is no level here",
    '{"level":"info","tags":["a"],"label":"x","priority":5,"msg":"ok","severity":"info"}',
]


def frames(line):
    """The line as it is and as the container runtimes write it."""
    yield line
    yield f"2023-06-22T10:27:25.813799277Z stdout F {line}"
    yield json.dumps({"log": line + "\n", "stream": "stdout", "time": "2024-03-30T08:31:20.545192187Z"})
    docker = json.dumps({"log": line + "\n", "stream": "stdout"}, separators=(",", ":"))
    yield docker
    yield docker.replace("<", "\\u003c").replace(">", "\\u003e")  # as Go writes it


def marks(scanner, line):
    buffer = f"before\n{line}\nafter\n".encode()
    return {at for at, _ in scanner.scan(buffer, 0, len(buffer)) if 7 <= at < len(buffer) - 7}


@pytest.mark.parametrize("line", LOUD_LINES)
def test_a_loud_line_gives_a_mark_in_every_frame(line):
    """Plain, CRI and Docker, by both engines."""
    for framed in frames(line):
        assert marks(FAST, framed)
        assert marks(SLOW, framed)


@pytest.mark.parametrize("record", LOUD_RECORDS, ids=json.dumps)
def test_a_loud_record_gives_a_mark_in_every_frame(record):
    """With and without spaces, flat, and as a string in another record."""
    for text in (json.dumps(record), json.dumps(record, separators=(",", ":"))):
        for framed in frames(text):
            assert marks(FAST, framed), framed
            assert marks(SLOW, framed), framed


@pytest.mark.parametrize("line", QUIET_LINES)
def test_an_ordinary_line_gives_none(line):
    """Finding too much would be right but slow: these are what busy logs are made of."""
    assert not marks(FAST, line)
    assert not marks(SLOW, line)
