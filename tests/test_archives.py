"""The paper's own files from stand-ins of DANDI and figshare, and networks that are in the way."""

import hashlib
import json
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from fault_server import FaultServer
from own_files import Clock, write_alf, write_nwb, write_tar

import nma_seq2seq as nma
import nma_seq2seq.steinmetz as steinmetz
from nma_seq2seq.steinmetz import archives

pytestmark = pytest.mark.filterwarnings("ignore:BehavioralEvents is deprecated")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def wanted() -> nma.Session:
    return nma.simulate_session(seed=5, n_trials=12, regions={"MOs": 4, "VISp": 5})


@pytest.fixture(scope="module")
def nwb(wanted, tmp_path_factory) -> bytes:
    return write_nwb(tmp_path_factory.mktemp("nwb") / "a.nwb", Clock(wanted)).read_bytes()


@pytest.fixture(scope="module")
def tar(wanted, tmp_path_factory) -> bytes:
    folder = tmp_path_factory.mktemp("tar")
    alf = write_alf(folder / "Richards_2017-10-31", Clock(wanted))
    return write_tar(folder / "a.tar", alf).read_bytes()


@pytest.fixture
def dandi(nwb, monkeypatch):
    """DANDI's API as far as it is used: assets below a path, metadata, and a download elsewhere."""
    with FaultServer(nwb) as server:
        root = server.url.removesuffix("/part")
        monkeypatch.setattr(archives, "DANDI", root + "/api")
        listed = {
            "count": 1, "next": None, "previous": None,
            "results": [
                {"asset_id": "1-2", "path": "sub-Richards/sub-Richards_ses-20171031T120000.nwb",
                 "size": len(nwb)},
            ],
        }  # fmt: skip
        digest = {"digest": {"dandi:sha2-256": hashlib.sha256(nwb).hexdigest()}}
        server.pages = {
            "/api/dandisets/000017/versions/0.240329.1926/assets/": json.dumps(listed),
            "/api/assets/1-2/": json.dumps(digest),
            "/api/assets/1-2/download/": "/blobs/1",
        }
        yield server


@pytest.fixture
def figshare(tar, monkeypatch):
    with FaultServer(tar) as server:
        root = server.url.removesuffix("/part")
        monkeypatch.setattr(archives, "FIGSHARE", root + "/v2")
        file = {
            "name": "Richards_2017-10-31.tar", "size": len(tar), "download_url": root + "/files/7",
            "computed_md5": hashlib.md5(tar).hexdigest(),
        }  # fmt: skip
        server.pages = {
            "/v2/articles/9974357/files": json.dumps([{"name": "readme.txt"}]),
            "/v2/articles/9598406/files": json.dumps([{"name": "Cori_2016-12-14.tar"}, file]),
        }
        yield server


@pytest.mark.parametrize("source", ["dandi", "figshare"])
def test_one_file_of_one_session(request, source, wanted, cache, capsys):
    server = request.getfixturevalue(source)
    session = nma.load_session(31, source=source)
    np.testing.assert_array_equal(session.spikes, wanted.spikes)
    said = capsys.readouterr().out
    assert f"from {source}, once: it stays in {cache}" in said and "counts from 1" in said
    n_asked = len(server.asked)
    fine = nma.load_session("Richards_2017-10-31", source=source, bin_size=0.005, align="gocue")
    assert fine.n_bins == 500 and len(server.asked) == n_asked, "the file is kept"
    if source == "dandi":
        assert "path=sub-Richards%2Fsub-Richards_ses-20171031" in server.asked[0]


@pytest.mark.parametrize("source", ["dandi", "figshare"])
@pytest.mark.parametrize(
    "faults", [["cut"], ["cut", "close", "cut"], ["cut", "no-range"], ["503"], ["html"]], ids=str
)
def test_a_cut_download_goes_on(request, source, faults, wanted):
    server = request.getfixturevalue(source)
    server.faults = list(faults)
    session = nma.load_session(31, source=source)
    np.testing.assert_array_equal(session.spikes, wanted.spikes)
    if faults == ["cut"]:
        assert server.requests[1].startswith("bytes=")


def test_what_is_not_there_or_not_right(dandi, figshare, cache):
    with pytest.raises(steinmetz.DownloadError, match="DANDI 000017 lists no sub-Cori/sub-Cori_"):
        nma.load_session(0, source="dandi")
    page, body = "/v2/articles/9598406/files", figshare.body
    figshare.body = body[:-1] + b"x"
    with pytest.raises(steinmetz.BadFileError, match="its md5 is .* and should be"):
        nma.load_session(31, source="figshare")
    figshare.pages[page] = figshare.pages[page].replace("computed_md5", "supplied_md5")
    with pytest.raises(steinmetz.BadFileError, match="its md5 is .* and should be"):
        nma.load_session(31, source="figshare")
    assert not list(cache.glob("*.tar"))
    figshare.pages[page] = "[]"
    with pytest.raises(steinmetz.DownloadError, match="figshare lists no Richards_2017-10-31.tar"):
        nma.load_session(31, source="figshare")
    dandi.body = dandi.body[:-1] + b"x"
    with pytest.raises(steinmetz.BadFileError, match="its sha256 is .* and should be"):
        nma.load_session(31, source="dandi")
    assert not list(cache.glob("*.nwb"))
    dandi.pages["/api/assets/1-2/"] = "<html>log in</html>"
    with pytest.raises(steinmetz.DownloadError, match="is no list of files .a network's log-in"):
        nma.load_session(31, source="dandi")
    dandi.pages.pop("/api/assets/1-2/")
    dandi.faults = ["404"]
    with pytest.raises(steinmetz.DownloadError, match="HTTP 404.: update nma-seq2seq"):
        nma.load_session(31, source="dandi")
    with pytest.raises(ValueError, match="no source 'osf'; choose None"):
        nma.load_session(31, source="osf")
    with pytest.raises(ValueError, match="bin_size= is of source='dandi' or 'figshare'"):
        nma.load_session(31, bin_size=0.02)


# ---------------------------------------------------------------------- networks of schools


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> dict[str, Path]:
    """Certificates that sign themselves: for this machine, and for another."""
    folder = tmp_path_factory.mktemp("tls")
    for name, where in (("here", "IP:127.0.0.1"), ("elsewhere", "DNS:login.school.example")):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=school", "-addext", f"subjectAltName={where}", "-keyout", f"{name}.key",
             "-out", f"{name}.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    # Of this machine too, but of days that are gone, and of days to come.
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\nx509_extensions=where\nunique_subject=no\n[any]\n"
        "commonName=supplied\n[where]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:true\n"
        "[req]\ndistinguished_name=any_name\n[any_name]\n"
    )
    (folder / "index.txt").touch()
    for name, start, end in (("past", "2020", "2021"), ("future", "2090", "2091")):
        for command in (
            ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=school", "-keyout",
             f"{name}.key", "-out", f"{name}.csr", "-config", "ca.cnf"],
            ["ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", f"{name}.key", "-in",
             f"{name}.csr", "-out", f"{name}.pem", "-notext", "-startdate",
             f"{start}0101000000Z", "-enddate", f"{end}0101000000Z"],
        ):  # fmt: skip
            subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return {name: folder / name for name in ("here", "elsewhere", "past", "future")}


@pytest.fixture
def tls(request, certificate):
    """A server behind TLS with one of the certificates."""
    stem = certificate[getattr(request, "param", "here")]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{stem}.pem", f"{stem}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/part"
    server.shutdown()
    server.server_close()


class _Heard(Exception):
    """What the doctor was asked for."""


def said_by_the_doctor(name: str) -> str:
    """What it finds of one thing; those that come after it are not tried."""
    from nma_seq2seq.course import doctor

    def show(line: str) -> None:
        if line[9:].startswith(f"{name}:"):
            raise _Heard(line)

    with pytest.raises(_Heard) as heard:
        doctor.run(show)
    return str(heard.value)


def refused(monkeypatch, url: str) -> str:
    """The sentence that a student reads, and the doctor's, which gives the same cause."""
    monkeypatch.setattr(steinmetz.catalog, "PART_URLS", (url,) * 3)
    with pytest.raises(OSError) as failed:
        nma.load_session(31)
    sentence = str(failed.value)
    assert "\n" not in sentence and "fallback='simulated'" in sentence
    assert "free some space" not in sentence, "the disk is not to blame"
    cause = sentence.split(" is not in the cache and ")[1].split(": ")[0]
    line = said_by_the_doctor("network")
    assert line.startswith("warning") and cause in line
    return sentence


def test_a_network_that_reads_along(tls, monkeypatch):
    sentence = refused(monkeypatch, tls)
    assert "this network reads along (TLS inspection)" in sentence
    assert "set REQUESTS_CA_BUNDLE to its file" in sentence


@pytest.mark.parametrize("tls", ["elsewhere"], indirect=True)
def test_a_log_in_page_in_the_place_of_the_server(tls, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{certificate['elsewhere']}.pem")
    sentence = refused(monkeypatch, tls)
    assert "something else answers in the place of 127.0.0.1" in sentence
    assert "log in to the network" in sentence


@pytest.mark.parametrize("tls", ["past", "future"], indirect=True)
def test_a_clock_that_is_wrong(tls, certificate, request, monkeypatch):
    """Then a certificate that is right seems to be of other days."""
    stem = certificate[request.node.callspec.params["tls"]]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{stem}.pem")
    sentence = refused(monkeypatch, tls)
    assert "the certificate of 127.0.0.1 is not valid at this computer's time" in sentence
    assert "set the clock of this computer and try again" in sentence


@pytest.mark.parametrize("exists", [True, False])
def test_a_wrong_file_of_certificates(tls, tmp_path, monkeypatch, exists):
    bundle = tmp_path / "school.pem"
    if exists:
        bundle.write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    sentence = refused(monkeypatch, tls)
    assert f"REQUESTS_CA_BUNDLE names '{bundle}', which is no file of certificates" in sentence
    assert "unset REQUESTS_CA_BUNDLE" in sentence


def test_a_proxy_that_is_down(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    sentence = refused(monkeypatch, "https://osf.example/part")
    assert "the proxy 127.0.0.1:9 does not answer" in sentence and "secret" not in sentence
    assert "mend or unset HTTPS_PROXY" in sentence


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password(monkeypatch, scheme):
    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self):
            self.send_response(407, "Proxy Authentication Required")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_CONNECT

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "")
    try:
        sentence = refused(monkeypatch, f"{scheme}://osf.example/part")
    finally:
        server.shutdown()
        server.server_close()
    assert "wants a name and a password" in sentence
    assert "set HTTPS_PROXY to http://NAME:PASSWORD@PROXY:PORT" in sentence


def test_no_network_at_all(monkeypatch):
    sentence = refused(monkeypatch, "http://127.0.0.1:9/part")
    assert "127.0.0.1 cannot be reached" in sentence and "connect to the internet" in sentence
    assert os.environ["NO_PROXY"] == "127.0.0.1"
