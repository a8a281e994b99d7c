"""Downloads against a real HTTP server on this machine: resume, checks, refusals.

The server speaks Range and can cut the connection; what the tests look at is what it was asked.
"""

import contextlib
import hashlib
import http.server
import io
import re
import socket
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from edge_tf.data.words import download
from edge_tf.data.words.download import Archive, Release
from edge_tf.errors import UserError


class Server(http.server.ThreadingHTTPServer):
    """Serves `contents`; `requests` lists (path, Range header or None) in order."""

    daemon_threads = True

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.cut_after: list[int] = []  # bytes sent before the next answers break off
        self.with_range = True
        self.status = 0
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, name: str) -> list[str | None]:
        return [wanted for path, wanted in self.requests if path == f"/{name}"]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        data = self.server.contents.get(self.path[1:])
        if self.server.status or data is None:
            self.send_error(self.server.status or 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if wanted and self.server.with_range:
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            data = data[start:]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        cut = self.server.cut_after.pop(0) if self.server.cut_after else len(data)
        self.wfile.write(data[:cut])
        if cut < len(data):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


def packed(contents: dict[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    """A .tar.gz with these files, named ./PATH as in the official ones, and extra members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as out:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
        for member in extra:
            out.addfile(member)
    return buffer.getvalue()


def described(name: str, data: bytes) -> Archive:
    return Archive(name, hashlib.sha256(data).hexdigest(), len(data))


CLIPS = {f"./yes/{n:08x}_nohash_0.wav": np.random.default_rng(n).bytes(100_000) for n in range(20)}
SET = packed({**CLIPS, "./testing_list.txt": b"yes/00000001_nohash_0.wav\n"})
TEST_SET = packed({"./_silence_/a.wav": b"quiet"})


@pytest.fixture
def server(monkeypatch):
    """A running server of a small release "0.02"; no pauses between tries."""
    monkeypatch.setattr(download, "_PAUSE_SECONDS", 0.0)
    release = Release(described("set.tar.gz", SET), described("test_set.tar.gz", TEST_SET))
    monkeypatch.setitem(download.RELEASES, "0.02", release)
    with Server() as server:
        server.contents = {"set.tar.gz": SET, "test_set.tar.gz": TEST_SET}
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch_all(server: Server, folder: Path) -> Path:
    return download.download_speech_commands("0.02", folder / "sc", server.url, progress=False)


def test_fetches_unpacks_and_leaves_no_archive(server, tmp_path):
    """The set at the destination, the test set beside it, byte for byte, and nothing else."""
    assert fetch_all(server, tmp_path) == tmp_path / "sc"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sc", "sc_test_set"]
    for name, data in CLIPS.items():
        assert (tmp_path / "sc" / name).read_bytes() == data
    assert (tmp_path / "sc_test_set" / "_silence_" / "a.wav").read_bytes() == b"quiet"


def test_a_finished_set_is_not_asked_for_again(server, tmp_path):
    fetch_all(server, tmp_path)
    before = len(server.requests)
    assert fetch_all(server, tmp_path) == tmp_path / "sc"
    assert len(server.requests) == before


def test_a_cut_connection_is_continued_from_the_byte_it_broke_at(server, tmp_path):
    server.cut_after = [700_000, 500_000]
    fetch_all(server, tmp_path)
    ranges = server.asked("set.tar.gz")
    assert ranges == [None, "bytes=700000-", "bytes=1200000-"]
    assert (tmp_path / "sc" / "testing_list.txt").exists()


def test_a_later_call_goes_on_from_the_part_file(server, tmp_path):
    """As after Ctrl-C: what is there is not fetched again."""
    (tmp_path / "set.tar.gz.part").write_bytes(SET[:1_500_000])
    fetch_all(server, tmp_path)
    assert server.asked("set.tar.gz") == ["bytes=1500000-"]


def test_a_whole_part_file_needs_no_request(server, tmp_path):
    """As after Ctrl-C while unpacking."""
    (tmp_path / "set.tar.gz.part").write_bytes(SET)
    fetch_all(server, tmp_path)
    assert server.asked("set.tar.gz") == []


def test_a_connection_that_keeps_breaking_keeps_what_came(server, tmp_path):
    server.cut_after = [400_000, *[0] * 20]
    with pytest.raises(UserError, match="the same command resumes from there"):
        fetch_all(server, tmp_path)
    assert (tmp_path / "set.tar.gz.part").read_bytes() == SET[:400_000]
    assert not (tmp_path / "sc").exists()
    server.cut_after = []
    fetch_all(server, tmp_path)
    assert server.asked("set.tar.gz")[-1] == "bytes=400000-"


def test_a_server_without_range_starts_over(server, tmp_path):
    server.with_range = False
    (tmp_path / "set.tar.gz.part").write_bytes(b"x" * 1000)
    fetch_all(server, tmp_path)
    assert (tmp_path / "sc" / "testing_list.txt").exists()


def test_a_part_file_that_is_too_long_is_dropped(server, tmp_path):
    (tmp_path / "set.tar.gz.part").write_bytes(SET + b"more")
    fetch_all(server, tmp_path)
    assert server.asked("set.tar.gz") == [None]


def test_another_content_is_refused_and_deleted(server, tmp_path):
    server.contents["set.tar.gz"] = SET[:-1] + b"!"
    with pytest.raises(UserError, match="SHA-256") as caught:
        fetch_all(server, tmp_path)
    assert hashlib.sha256(SET).hexdigest() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_more_bytes_than_published_are_not_swallowed(server, tmp_path):
    server.contents["set.tar.gz"] = SET + bytes(30_000_000)
    with pytest.raises(UserError, match="SHA-256"):
        fetch_all(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_failing_server_are_named(server, tmp_path):
    del server.contents["set.tar.gz"]
    with pytest.raises(UserError, match=r"cannot reach http://127.*set\.tar\.gz: HTTP status 404"):
        fetch_all(server, tmp_path)
    server.status = 503
    with pytest.raises(UserError, match="HTTP status 503"):
        fetch_all(server, tmp_path)
    assert len(server.asked("set.tar.gz")) == 1 + 5


def test_without_a_network_one_line_says_what_to_do(server, tmp_path):
    """A port that nothing listens on, then a name that cannot be resolved."""
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for base_url in (closed, "http://nowhere.invalid"):
        with pytest.raises(UserError, match=f"cannot reach {base_url}") as caught:
            download.download_speech_commands("0.02", tmp_path / "sc", base_url, progress=False)
        assert "--data_dir" in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_laid_there_by_hand_is_used_and_kept(server, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(SET)
    fetch_all(server, tmp_path)
    assert server.asked("set.tar.gz") == []
    assert (tmp_path / "set.tar.gz").exists()
    assert (tmp_path / "sc" / "testing_list.txt").exists()


def test_a_wrong_copy_laid_there_by_hand_is_refused_and_kept(server, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(b"something else")
    with pytest.raises(UserError, match="move it away"):
        fetch_all(server, tmp_path)
    assert (tmp_path / "set.tar.gz").read_bytes() == b"something else"


def test_a_folder_of_somebody_else_is_left_alone(server, tmp_path):
    (tmp_path / "sc").mkdir()
    (tmp_path / "sc" / "mine.wav").write_bytes(b"mine")
    with pytest.raises(UserError, match="leave out --download"):
        fetch_all(server, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["sc"]
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        download.download_speech_commands("0.02", tmp_path / "file", server.url)
    assert server.requests == []


def test_another_version_is_not_mixed_in(server, tmp_path):
    fetch_all(server, tmp_path)
    with pytest.raises(UserError, match="contains another download"):
        download.download_speech_commands("0.01", tmp_path / "sc", server.url, progress=False)


def test_too_little_space_is_said_before_anything_is_fetched(server, tmp_path, monkeypatch):
    """Simulated: a disk cannot be filled in a test."""
    usage = download.shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match="GB free"):
        fetch_all(server, tmp_path)
    assert server.requests == []


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "data",
    [
        packed({"../escaped.txt": b"out"}),
        packed({"/edge_tf_escaped.txt": b"out", "../../escaped.txt": b"out"}),
        packed({}, link("./way", "/etc", tarfile.SYMTYPE)),
        packed({"./a": b""}, link("./b", "../../outside", tarfile.LNKTYPE)),
        packed({}, link("./device", "", tarfile.CHRTYPE)),
    ],
    ids=["parent", "absolute", "symlink", "hard link", "device"],
)
def test_members_that_leave_the_folder_are_refused(data, tmp_path):
    """Nothing is written outside, and no half-unpacked folder stays."""
    inner = tmp_path / "inner"
    inner.mkdir()
    path = inner / "evil.tar.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match="do not use it"):
        download.unpack(path, inner / "out", described("evil.tar.gz", data), progress=False)
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "evil.tar.gz"]
    assert not Path("/edge_tf_escaped.txt").exists()


def test_a_damaged_archive_leaves_no_folder(tmp_path):
    path = tmp_path / "cut.tar.gz"
    for data in (SET[: len(SET) // 2], b"not a tar at all"):
        path.write_bytes(data)
        with pytest.raises(UserError, match="damaged"):
            download.unpack(path, tmp_path / "out", described("cut", data), progress=False)
        assert [p.name for p in tmp_path.iterdir()] == ["cut.tar.gz"]


def test_published_digests_are_well_formed_and_differ():
    """Four files, four SHA-256; which record each is from stands beside them."""
    official = [
        archive
        for release in download.RELEASES.values()
        for archive in (release.clips, release.test_set)
    ]
    assert len({archive.sha256 for archive in official}) == len(official) == 4
    for archive in official:
        assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
        assert archive.size > 50_000_000


def test_unknown_version_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"choose 0\.01 or 0\.02"):
        download.download_speech_commands("0.03", tmp_path / "sc")
