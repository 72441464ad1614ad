"""Downloads from a server of our own that fails in every way servers fail."""

import hashlib
import socket
import threading
from urllib.error import URLError

import pytest
from file_server import serving

from sortline.weights import download as module
from sortline.weights.download import DownloadError, download, remote_size
from sortline.weights.weight_file import VALID, check_file

CONTENT = b"\x80\x02" + bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


def leftovers(target):
    return {path.name for path in target.parent.iterdir()} - {target.name, f"{target.name}.sha256.json"}


def test_a_file_arrives_whole_and_is_not_fetched_again(server, tmp_path):
    target = tmp_path / "deep/net.pth"
    for _ in range(2):
        assert download(server.url("net.pth"), target, SHA256[:8]).status == VALID
    assert target.read_bytes() == CONTENT
    assert server.asked == [""]
    assert leftovers(target) == set()


def test_a_file_address(tmp_path):
    (tmp_path / "source.pth").write_bytes(CONTENT)
    target = tmp_path / "cache/net.pth"
    download((tmp_path / "source.pth").as_uri(), target)
    assert target.read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="No such file") as caught:
        download((tmp_path / "none.pth").as_uri(), tmp_path / "cache/none.pth", pause_s=0)
    assert not caught.value.no_network


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_hangs_up_is_asked_for_the_rest(server, tmp_path, ranges):
    server.hang_ups, server.ranges = 1, ranges
    target = tmp_path / "net.pth"
    download(server.url("net.pth"), target, SHA256[:8], pause_s=0)
    assert target.read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={len(CONTENT) // 2}-"]


def test_a_server_that_keeps_hanging_up_is_given_up_and_resumed_later(server, tmp_path):
    server.hang_ups = module.ATTEMPTS
    target = tmp_path / "net.pth"
    with pytest.raises(DownloadError, match="ended after") as caught:
        download(server.url("net.pth"), target, pause_s=0)
    assert caught.value.no_network
    assert not target.exists()
    have = (tmp_path / "part-net.pth").stat().st_size
    assert 0 < have < len(CONTENT)
    download(server.url("net.pth"), target, SHA256[:8], pause_s=0)
    assert target.read_bytes() == CONTENT
    assert server.asked[-1] == f"bytes={have}-"


@pytest.mark.parametrize("stale", [b"\x80\x02 of an older file", CONTENT + b"longer than the file"])
def test_a_stale_start_is_thrown_away(server, tmp_path, stale):
    (tmp_path / "part-net.pth").write_bytes(stale)
    target = tmp_path / "net.pth"
    download(server.url("net.pth"), target, SHA256[:8], pause_s=0)
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == set()


def test_a_wrong_checksum_leaves_nothing(server, tmp_path):
    target = tmp_path / "net.pth"
    with pytest.raises(DownloadError, match="SHA-256") as caught:
        download(server.url("net.pth"), target, "0" * 8)
    assert not caught.value.no_network
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_replaced(server, tmp_path):
    target = tmp_path / "net.pth"
    target.write_bytes(b"PK\x03\x04 cut")
    download(server.url("net.pth"), target)
    assert target.read_bytes() == CONTENT


def test_a_server_without_the_file_is_asked_once(server, tmp_path):
    server.answer = 404
    with pytest.raises(DownloadError, match="404 Not Found") as caught:
        download(server.url("net.pth"), tmp_path / "net.pth", pause_s=0)
    assert not caught.value.no_network
    assert len(server.asked) == 1


def test_an_overloaded_server_is_asked_again(server, tmp_path):
    server.answer = 503
    with pytest.raises(DownloadError, match="503") as caught:
        download(server.url("net.pth"), tmp_path / "net.pth", pause_s=0)
    assert caught.value.no_network
    assert len(server.asked) == module.ATTEMPTS


@pytest.mark.parametrize(
    "reason", [socket.gaierror(-2, "Name or service not known"), ConnectionRefusedError(111, "no")]
)
def test_without_a_network_nothing_is_tried_twice(monkeypatch, tmp_path, reason):
    tries = []

    def urlopen(*arguments, **options):
        tries.append(arguments)
        raise URLError(reason)

    monkeypatch.setattr(module.urllib.request, "urlopen", urlopen)
    with pytest.raises(DownloadError) as caught:
        download("https://example.org/net.pth", tmp_path / "net.pth")
    assert caught.value.no_network
    assert len(tries) == 1


def test_of_several_that_want_a_file_one_downloads(server, tmp_path):
    target = tmp_path / "net.pth"
    threads = [
        threading.Thread(target=download, args=(server.url("net.pth"), target, SHA256), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert check_file(target, SHA256).status == VALID
    assert server.asked == [""]
    assert leftovers(target) == set()


def test_the_size_of_a_file_on_a_server(server):
    assert remote_size(server.url("net.pth")) == len(CONTENT)
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError):
        remote_size(server.url("net.pth"))
