"""KubernetesSource against an API server on a real socket."""

from __future__ import annotations

import asyncio
import base64
import ssl
import subprocess
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from detector.edges.sources.kubernetes.api import Place, PodApi
from detector.edges.sources.kubernetes.past import pod_batches, read_pod
from detector.edges.sources.kubernetes.patience import Patience
from detector.edges.sources.kubernetes.source import KubernetesSource
from detector.errors import NoSuchInput, SourceLost
from detector.settings import KubernetesSourceSettings, Size
from tests.unit.edges.sources.cluster import Cluster
from tests.unit.edges.sources.collect import Collector, running

QUICK = Patience(first_s=0.005, longest_s=0.02, look_s=0.02, overlap_s=0.2)
Test = Callable[[Cluster], Coroutine[Any, Any, None]]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("token-1")
    return tmp_path / "token"


def settings(cluster: Cluster, token: Path, **changes: Any) -> KubernetesSourceSettings:
    given: dict[str, Any] = {"pod": "api-0", "namespace": "shop", "api": cluster.address, "token_file": str(token)}
    return KubernetesSourceSettings("kubernetes", **(given | changes))


def source(cluster: Cluster, token: Path, **changes: Any) -> KubernetesSource:
    return KubernetesSource(settings(cluster, token, **changes), {}, QUICK)


def run(test: Test) -> None:
    async def within() -> None:
        async with Cluster().serving() as cluster:
            await test(cluster)

    asyncio.run(within())


def texts(inbox: Collector) -> list[str]:
    """What was handed over, without its frame."""
    return [line.split(" stdout F ", 1)[1] for line in inbox.text.decode().splitlines()]


async def until_texts(inbox: Collector, expected: list[str]) -> None:
    try:
        await inbox.until(lambda: len(texts(inbox)) >= len(expected))
    except TimeoutError:
        assert texts(inbox) == expected
    assert texts(inbox) == expected


def test_every_container_but_our_own_is_followed(token: Path) -> None:
    """Lines come in the runtime's own frame, with the pod in the labels and the service from its label."""

    async def test(cluster: Cluster) -> None:
        for name in ("app", "trimwatch", "proxy"):
            cluster.container(name).start()
        cluster.containers["app"].write("one")
        cluster.containers["trimwatch"].write("ours")
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, ["one"])
            cluster.containers["proxy"].write("two")
            cluster.containers["app"].write("three")
            await inbox.until(lambda: sorted(texts(inbox)) == ["one", "three", "two"])
        assert inbox.text.startswith(b"2024-05-14T07:31:07.001000000Z stdout F one\n")
        assert [told.name for told in inbox.streams.values()] == ["shop/api-0/app", "shop/api-0/proxy"]
        assert next(iter(inbox.streams)) == f"kubernetes:{cluster.uid}/app/{cluster.containers['app'].now.id}"  # type: ignore[union-attr]
        assert cluster.log_requests()[0] == {"container": "app", "timestamps": "true", "follow": "true"}

    run(test)


def test_a_container_that_starts_late_is_waited_for(token: Path) -> None:
    """Waiting to start is no failure; a container that appears later is found."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        async with running(source(cluster, token), Collector()) as inbox:
            await cluster.until_asked(3)
            app.start()
            app.write("one")
            await until_texts(inbox, ["one"])
            late = cluster.container("late")
            late.start()
            late.write("two")
            await until_texts(inbox, ["one", "two"])

    run(test)


def test_the_instance_before_is_read_once_and_first(token: Path) -> None:
    """What the container said before its last restart, to its last line without newline; not again after our own restart."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("dying")
        app.end(tail=b"last words")
        app.start()
        app.write("alive")
        async with running(source(cluster, token), Collector()) as first:
            await first.until(lambda: first.text.endswith(b"alive\n"))
        before, now = first.streams.values()
        assert before.text.endswith(b" stdout F last words")
        assert (before.ends, now.ends) == (1, 0)
        app.write("again")
        async with running(source(cluster, token), Collector(), first.resume()) as second:
            await until_texts(second, ["again"])

    run(test)


def test_previous_can_be_switched_off(token: Path) -> None:
    """Then only what runs is read."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("dying")
        app.restart()
        app.write("alive")
        async with running(source(cluster, token, previous=False), Collector()) as inbox:
            await until_texts(inbox, ["alive"])

    run(test)


def test_a_restart_while_we_follow_loses_nothing(token: Path) -> None:
    """The old instance to its end, which ends its stream, then the new one, again and again."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        expected: list[str] = []
        async with running(source(cluster, token), Collector()) as inbox:
            for number in range(5):
                app.write(f"begin {number}", f"end {number}")
                expected += [f"begin {number}", f"end {number}"]
                app.restart()
                await until_texts(inbox, expected)
            await inbox.until(lambda: sum(told.ends for told in inbox.streams.values()) == 5)
        assert not inbox.losses
        assert len(inbox.streams) == 5

    run(test)


@pytest.mark.parametrize("break_after", [0, 20, 36, 37, 100, 333])
def test_a_connection_that_breaks_goes_on_where_it_broke(token: Path, break_after: int) -> None:
    """In the middle of a line or between two: every line once, though the whole second comes again and lines share a time."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        expected = [f"line {number}" for number in range(12)]
        app.write(*expected[:3])
        app.write(*expected[3:9], after_ms=0)
        app.write(*expected[9:], after_ms=700)
        cluster.faults.extend([("break", break_after)] * 3)
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, expected)
            app.write("more", after_ms=0)
            await until_texts(inbox, [*expected, "more"])
        assert not inbox.losses
        assert len(inbox.streams) == 1

    run(test)


@pytest.mark.parametrize("lines_back", [0, 1, 5])
def test_a_restart_of_ours_goes_on_at_the_checkpoint(token: Path, lines_back: int) -> None:
    """The position may be some lines behind what was handed over: exactly those come again."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        expected = [f"line {number}" for number in range(20)]
        app.write(*expected[:10])
        app.write(*expected[10:], after_ms=0)
        async with running(source(cluster, token), Collector()) as first:
            await until_texts(first, expected)
        ((key, told),) = first.streams.items()
        back = sum(len(line) for line in told.text.splitlines(keepends=True)[len(expected) - lines_back :])
        resume = {key: type(first.resume()[key])(key, told.reached - back, told.token)}
        app.write("more")
        async with running(source(cluster, token), Collector(), resume) as second:
            await until_texts(second, [*expected[len(expected) - lines_back :], "more"])
        assert list(second.streams) == [key]
        assert second.streams[key].first == told.reached - back
        assert not second.losses

    run(test)


def test_a_long_log_is_found_again_from_its_marks(token: Path) -> None:
    """A position a mebibyte back is still exact, and only what came since its mark is asked for."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        lines = [f"line {number:06d} {'x' * 200}" for number in range(10_000)]
        app.write(*lines)
        async with running(source(cluster, token), Collector()) as first:
            await first.until(lambda: first.size >= 10_000 * 253)
        ((key, told),) = first.streams.items()
        back = sum(len(line) for line in told.text.splitlines(keepends=True)[5_000:])
        resume = {key: type(first.resume()[key])(key, told.reached - back, told.token)}
        async with running(source(cluster, token), Collector(), resume) as second:
            await second.until(lambda: second.size >= back)
        assert second.text == told.text[-back:]
        assert "sinceTime" in cluster.log_requests()[-1]

    run(test)


def test_a_rotation_that_ends_the_follow_loses_nothing(token: Path) -> None:
    """The kubelet ends the answer when it has rotated the file; the next one begins with lines we have not seen, and no loss is
    claimed."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one", "two")
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, ["one", "two"])
            app.rotate()
            app.write("three", after_ms=3000)
            await until_texts(inbox, ["one", "two", "three"])
        assert not inbox.losses

    run(test)


def test_a_rotation_while_we_were_away_is_a_lost_range(token: Path) -> None:
    """The line we stood at is gone: what is there is read, and that something may be missing is told."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one", "two")
        async with running(source(cluster, token), Collector()) as first:
            await until_texts(first, ["one", "two"])
        app.write("lost")
        app.rotate()
        app.write("four")
        async with running(source(cluster, token), Collector(), first.resume()) as second:
            await until_texts(second, ["four"])
        ((key, told),) = first.streams.items()
        assert [(one.stream.key, one.begin, one.end, one.reason) for one in second.losses] == [
            (key, told.reached, None, "rotated_away")
        ]

    run(test)


def test_an_instance_that_the_server_forgot_is_a_lost_range(token: Path) -> None:
    """Two restarts while we were down: the rest of the first instance cannot be had any more."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one")
        async with running(source(cluster, token), Collector()) as first:
            await until_texts(first, ["one"])
        app.write("lost")
        app.restart()
        app.write("two")
        app.restart()
        app.write("three")
        async with running(source(cluster, token), Collector(), first.resume()) as second:
            await until_texts(second, ["two", "three"])
        assert [one.reason for one in second.losses] == ["rotated_away"]
        assert next(iter(second.streams.values())).ends == 1

    run(test)


def test_the_pods_state_may_be_behind(token: Path) -> None:
    """The container has restarted and the API server does not know it yet: the new instance's lines are not taken for the old
    one's."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("old")
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, ["old"])
            cluster.status_lags = True
            await cluster.until_asked(2)
            app.end()
            app.start()
            await cluster.until_asked(2)
            cluster.status_lags = False
            app.write("new", after_ms=5000)
            await until_texts(inbox, ["old", "new"])
        assert [told.text.endswith(text) for told, text in zip(inbox.streams.values(), (b"old\n", b"new\n"), strict=True)]
        assert not inbox.losses

    run(test)


STATUSES = [
    (400, "BadRequest", 'container "app" in pod "api-0" is waiting to start: ContainerCreating'),
    (403, "Forbidden", 'pods "api-0" is forbidden: User "system:serviceaccount:shop:default" cannot get resource "pods/log"'),
    (404, "NotFound", 'pods "api-0" not found'),
    (410, "Expired", "too old resource version"),
    (429, "TooManyRequests", "Too many requests, please try again later."),
    (500, "InternalError", "Internal error occurred: Authorization error"),
    (503, "ServiceUnavailable", "apiserver not ready"),
]


@pytest.mark.parametrize("status", STATUSES, ids=lambda status: str(status[0]))
def test_a_refusal_is_tried_again(token: Path, status: tuple[int, str, str]) -> None:
    """Whatever the server answers for a while, the lines come once it lets us, each once."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one")
        cluster.faults.extend([("status", status)] * 3)
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, ["one"])
            cluster.refusal = status
            app.restart()
            app.write("two")
            await cluster.until_asked(4)
            cluster.refusal = None
            await until_texts(inbox, ["one", "two"])
        assert not inbox.losses

    run(test)


def test_the_token_is_read_again(token: Path) -> None:
    """The kubelet replaces it while we run: 401 until the new one is read."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one")
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, ["one"])
            cluster.token = "token-2"
            app.restart()
            app.write("two")
            await cluster.until_asked(3)
            token.write_text("token-2\n")
            await until_texts(inbox, ["one", "two"])

    run(test)


def test_the_kubelets_own_words_are_no_log(token: Path) -> None:
    """It explains itself with status 200; such text is not judged, not even for an instance that has ended."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one")
        app.end()
        words = b"unable to retrieve container logs for containerd://app"
        cluster.faults.extend([("foreign", words), ("foreign", words + b"\n")])
        async with running(source(cluster, token), Collector()) as inbox:
            await until_texts(inbox, ["one"])

    run(test)


def test_a_lost_log_of_the_instance_before_does_not_keep_us_from_the_one_that_runs(token: Path) -> None:
    """It is asked for a few times and then left."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.restart()
        app.write("alive")
        cluster.faults.extend([("status", STATUSES[0])] * 5)
        async with running(source(cluster, token), Collector()) as inbox:
            await inbox.until(lambda: inbox.text.endswith(b"alive\n"))

    run(test)


def test_a_silent_connection_is_opened_anew(token: Path) -> None:
    """A peer that is gone says nothing: after the idle time-out we ask again, and no line comes twice."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("one")
        cluster.faults.append(("silence", None))
        async with running(source(cluster, token, idle_timeout=timedelta(milliseconds=50)), Collector()) as inbox:
            await until_texts(inbox, ["one"])
            await cluster.until_asked(4)
            app.write("two")
            await until_texts(inbox, ["one", "two"])
        assert not inbox.losses

    run(test)


def test_a_long_line_is_cut_and_found_again(token: Path) -> None:
    """Cut as everywhere; after a break behind it the offsets still fit."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("before", "x" * 5000, "after")
        cluster.faults.append(("break", 5130))
        async with running(source(cluster, token, max_line=Size(1000)), Collector()) as inbox:
            await inbox.until(lambda: inbox.text.endswith(b"after\n"))
        (told,) = inbox.streams.values()
        assert [len(line) for line in told.text.splitlines()] == [46, 1009, 45]
        assert (told.cut_at, told.cut_bytes) == ([47], 5031 - 1000)
        assert not inbox.losses

    run(test)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate of its own, and that certificate."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    wanted = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN={name}"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", *wanted.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_the_server_must_be_the_one_the_ca_file_names(token: Path, tmp_path: Path) -> None:
    """A wrong certificate is refused, however long; a CA file that is replaced is read again."""

    async def test() -> None:
        context, cert = certificate(tmp_path, "kube-apiserver")
        _, other = certificate(tmp_path, "somebody-else")
        ca_file = tmp_path / "ca.crt"
        ca_file.write_bytes(other.read_bytes())
        async with Cluster().serving(context) as cluster:
            app = cluster.container("app")
            app.start()
            app.write("one")
            with capture_logs() as said:
                async with running(source(cluster, token, ca_file=str(ca_file)), Collector()) as inbox:
                    while not said:
                        await asyncio.sleep(0)
                    assert "certificate" in said[0]["error"].lower()
                    assert not cluster.requests
                    ca_file.write_bytes(cert.read_bytes())
                    await until_texts(inbox, ["one"])

    asyncio.run(test())


def test_a_token_is_not_sent_in_the_clear(token: Path) -> None:
    """Plain http to another machine: no token leaves."""
    given = KubernetesSourceSettings("kubernetes", api="http://192.0.2.1:8080", token_file=str(token))
    assert "Authorization" not in PodApi(Place.of(given, {}), given)._who()


def test_outside_a_cluster_we_say_so() -> None:
    """No address, no cluster: an error that says what to do."""
    with pytest.raises(SourceLost, match="kubectl proxy"):
        asyncio.run(KubernetesSource(KubernetesSourceSettings("kubernetes"), {}).read_into(Collector(), {}))


def test_inside_a_cluster_nothing_need_be_set(token: Path) -> None:
    """Address, namespace, pod, token and certificate are where the kubelet puts them."""
    (token.parent / "namespace").write_text("shop")
    environ = {
        "KUBERNETES_SERVICE_HOST": "fd00::1",
        "KUBERNETES_SERVICE_PORT": "6443",
        "POD_NAME": "api-0",
        "TRIMWATCH_SERVICE_ACCOUNT_FOLDER": str(token.parent),
    }
    place = Place.of(KubernetesSourceSettings("kubernetes"), environ)
    assert place == Place("https://[fd00::1]:6443", "shop", "api-0", str(token), str(token.parent / "ca.crt"))


def kubeconfig(folder: Path, cluster: str, user: str) -> dict[str, str]:
    """The environment of somebody who has one."""
    text = f"""
apiVersion: v1
kind: Config
current-context: here
contexts:
- {{name: other, context: {{cluster: none, user: none}}}}
- {{name: here, context: {{cluster: kind, user: me, namespace: shop}}}}
clusters:
- name: kind
  cluster: {cluster}
users:
- name: me
  user: {user}
"""
    (folder / "config").write_text(text)
    return {"KUBECONFIG": f"{folder}/none:{folder}/config", "HOME": str(folder)}


def test_outside_a_cluster_the_kubeconfig_is_used(tmp_path: Path) -> None:
    """The current context: its server, namespace, certificate authority and token; `replay --pod` needs nothing else."""

    async def test() -> None:
        context, cert = certificate(tmp_path, "kube-apiserver")
        ca_data = base64.b64encode(cert.read_bytes()).decode()
        async with Cluster().serving(context) as cluster:
            app = cluster.container("app")
            app.start()
            app.write("one")
            here = f"{{server: '{cluster.address}', certificate-authority-data: {ca_data}}}"
            environ = kubeconfig(tmp_path, here, "{token: token-1}")
            given = KubernetesSourceSettings("kubernetes", pod="api-0")
            batches = [batch async for batch in read_pod(given, False, environ)]
            assert b"".join(bytes(batch.buffer) for batch in batches).endswith(b"stdout F one\n")

    asyncio.run(test())


def test_a_client_certificate_of_the_kubeconfig_is_shown(tmp_path: Path) -> None:
    """As kind and minikube write it; beside the file, or in it."""
    _, cert = certificate(tmp_path, "me")
    key_data = base64.b64encode((tmp_path / "me.key").read_bytes()).decode()
    environ = kubeconfig(tmp_path, "{server: 'https://10.0.0.1'}", f"{{client-certificate: me.crt, client-key-data: {key_data}}}")
    place = Place.of(KubernetesSourceSettings("kubernetes", pod="api-0"), environ)
    assert place.client_pem.startswith("-----BEGIN CERTIFICATE")
    assert "PRIVATE KEY" in place.client_pem
    assert "PRIVATE" not in repr(place)
    place.trust()
    assert cert.exists()


def test_a_login_by_plugin_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """We run nobody's commands."""
    environ = kubeconfig(tmp_path, "{server: 'https://10.0.0.1'}", "{exec: {command: aws}}")
    with pytest.raises(SourceLost, match="kubectl proxy"):
        Place.of(KubernetesSourceSettings("kubernetes", pod="api-0"), environ)


@pytest.mark.parametrize(("previous", "expected"), [(True, b"dying\n"), (False, b"alive\n")])
def test_replay_reads_a_pod_once(token: Path, previous: bool, expected: bytes) -> None:
    """The log as it is, or that of the instance before; a connection that breaks in the middle does not double a line."""

    async def test(cluster: Cluster) -> None:
        app = cluster.container("app")
        app.start()
        app.write("dying")
        app.restart()
        app.write("alive")
        cluster.faults.extend([("break", 34)] * 2)
        given = settings(cluster, token)
        batches = [batch async for batch in read_pod(given, previous, {})]
        assert b"".join(bytes(batch.buffer) for batch in batches).endswith(b" stdout F " + expected)
        assert [batch.ends for batch in batches] == [False, True]
        there = await asyncio.to_thread(lambda: sum(batch.size for batch in pod_batches(given, previous, {})))
        assert there == sum(batch.size for batch in batches)

    run(test)


def test_replay_says_what_is_wrong(token: Path) -> None:
    """No such pod, nothing before, no permission: one clear error."""

    async def test(cluster: Cluster) -> None:
        cluster.container("app").start()

        async def problem(previous: bool = False, **changes: Any) -> str:
            with pytest.raises(NoSuchInput) as error:
                [batch async for batch in read_pod(settings(cluster, token, **changes), previous, {})]
            return str(error.value)

        assert "no container has run before" in await problem(previous=True)
        assert 'pods "none" not found' in await problem(pod="none")
        cluster.refusal = STATUSES[1]
        assert "needs a Role with `get` on `pods` and `pods/log`" in await problem()

    run(test)
