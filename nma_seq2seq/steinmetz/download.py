"""Download one of the three files, going on where an earlier try was cut."""

from __future__ import annotations

import os
import time
import zipfile
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pooch

from nma_seq2seq.steinmetz import catalog
from nma_seq2seq.steinmetz.catalog import PER_PART, PUBLISHED

_BACKOFF_S = 1.0


class DownloadError(ConnectionError):
    """A download that could not be had."""


def download(number: int, index: int, path: Path, patience: int) -> None:
    """Download a part to `path`, going on where an earlier try was cut.

    Parameters
    ----------
    patience : int
        How many tries in a row may bring nothing new before this gives up.
    """
    from requests import RequestException

    url = catalog.PART_URLS[number]
    host = urlsplit(url).hostname
    print(
        f"Downloading {path.name} from {host}, once: it holds sessions {number * PER_PART} to "
        f"{number * PER_PART + PER_PART - 1}, which then open from {path.parent}."
    )
    fresh = path.with_suffix(".partial")
    most, failures = fresh.stat().st_size if fresh.exists() else 0, 0
    while not zipfile.is_zipfile(fresh):
        try:
            with open(fresh, "ab") as file:
                have = file.tell()
                get = pooch.HTTPDownloader(
                    progressbar=True,
                    chunk_size=2**15,  # what a cut loses at most
                    timeout=(10, 60) if patience > 1 else (4, 20),
                    # Compressed on the way, the bytes could not be counted.
                    headers={"Accept-Encoding": "identity"}
                    | ({"Range": f"bytes={have}-"} if have else {}),
                    hooks={"response": partial(_check_answer, file=file, have=have)},
                )
                get(url, file, None)
            if zipfile.is_zipfile(fresh):
                break
            with open(fresh, "rb") as file:
                cut = file.read(4) == b"PK\x03\x04"
            if not cut:
                fresh.unlink()
            why = "the download was cut" if cut else (
                f"what {host} sent is not a zip file (a network's log-in page, perhaps)"
            )  # fmt: skip
            mend = "try again" if cut else "log in to the network and try again"
        except RequestException:
            why = f"{host} cannot be reached, or the connection was cut"
            mend = "connect to the internet and try again"
        except _Answer as answer:
            why, mend = f"{host} {answer.why}", answer.mend
            if not answer.may_change:
                failures = patience
        except OSError:
            fresh.unlink(missing_ok=True)  # a full disk is not helped by half a file
            raise
        size = fresh.stat().st_size if fresh.exists() else 0
        failures = 0 if size > most else failures + 1
        most = max(most, size)
        if failures >= patience:
            raise DownloadError(
                f"session {index} ({PUBLISHED[index]}) is not in the cache and {why}: {mend}, or "
                f"download {url} with a browser and call nma.import_part(path of the file)"
            ) from None
        time.sleep(_BACKOFF_S * 2**failures)
    os.replace(fresh, path)


class _Answer(Exception):
    """An answer of the server that is no file."""

    def __init__(self, why: str, mend: str, may_change: bool):
        super().__init__(why)
        self.why, self.mend, self.may_change = why, mend, may_change


def _check_answer(response: Any, *_: Any, file: IO[bytes], have: int, **__: Any) -> None:
    """Called by requests with each answer, before its body is written to `file`."""
    status = response.status_code
    if response.is_redirect or (
        status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    ):
        return
    if status in (200, 206, 416):
        file.truncate(0)  # the server does not go on where we stopped: from the start
    if status == 200:
        return
    if status in (206, 416):
        raise _Answer("could not go on with a download", "try again", True)
    if status == 202:
        raise _Answer("is still preparing the file (HTTP 202)", "try again in a minute", True)
    if status == 429:
        raise _Answer("is being asked too often (HTTP 429)", "try again in ten minutes", True)
    if status in (404, 410):
        raise _Answer(f"has the file no more (HTTP {status})", "update nma-seq2seq", False)
    raise _Answer(f"answered HTTP {status}", "try again later", status >= 500)
