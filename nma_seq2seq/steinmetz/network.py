"""What stands between a classroom and a server, in words: why it failed, and what mends it."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PASSWORD = "set HTTPS_PROXY to http://NAME:PASSWORD@PROXY:PORT, or use another network"
_NETWORK = "connect to the internet and try again"


def explain(problem: BaseException, url: str) -> tuple[str, str]:
    """Why a request failed, and what to do about it.

    Parameters
    ----------
    problem : exception
        Of requests, or an OSError of the system's.
    url : str
        What was asked for.

    Returns
    -------
    why, mend : str
        Parts of a sentence: "{why}: {mend}".
    """
    from requests import exceptions

    host = urlsplit(url).hostname or url
    text = _chain(problem)
    named = next((name for name in _BUNDLES if os.environ.get(name)), "")
    if "CA certificate bundle" in text or (
        named and any(sign in text for sign in ("NO_CERTIFICATE_OR_CRL_FOUND", "PEM lib", "X509"))
    ):
        return (
            f"{named or _BUNDLES[0]} names {os.environ.get(named, 'a file')!r}, which is no file "
            "of certificates",
            f"unset {named or _BUNDLES[0]}, or set it to the file that your school gives out",
        )
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        if "expired" in text or "not yet valid" in text:
            return (
                f"the certificate of {host} is not valid at this computer's time",
                "set the clock of this computer and try again",
            )
        if "mismatch" in text or "doesn't match" in text:
            return (
                f"something else answers in the place of {host} (a log-in page, perhaps)",
                "log in to the network and try again",
            )
        return (
            f"this network reads along (TLS inspection): it shows a certificate of its own for "
            f"{host}, which Python does not trust",
            "ask its administrators for their certificate, and set REQUESTS_CA_BUNDLE to its file",
        )
    if isinstance(problem, exceptions.ProxyError | exceptions.InvalidProxyURL) or "407" in text:
        proxy = _proxy(url)
        if "407" in text:
            return f"the proxy {proxy} wants a name and a password", _PASSWORD
        return (
            f"the proxy {proxy} does not answer",
            "mend or unset HTTPS_PROXY, or use another network",
        )
    if isinstance(problem, exceptions.SSLError):
        return (
            f"the connection to {host} cannot be secured ({_short(problem)})",
            "use another network",
        )
    if isinstance(problem, exceptions.InvalidSchema | exceptions.MissingSchema):
        return f"{url} is no address that can be fetched ({_short(problem)})", "update nma-seq2seq"
    return f"{host} cannot be reached, or the connection was cut", _NETWORK


def explain_status(status: int, url: str) -> tuple[str, str, bool]:
    """Why an HTTP status is no file, what to do about it, and whether it may change by itself."""
    host = urlsplit(url).hostname or url
    if status in (206, 416):
        return f"{host} could not go on with a download", "try again", True
    if status == 202:
        return f"{host} is still preparing the file (HTTP 202)", "try again in a minute", True
    if status == 407:
        return f"the proxy {_proxy(url)} wants a name and a password", _PASSWORD, False
    if status == 429:
        return f"{host} is being asked too often (HTTP 429)", "try again in ten minutes", True
    if status in (404, 410):
        return f"{host} has the file no more (HTTP {status})", "update nma-seq2seq", False
    return f"{host} answered HTTP {status}", "try again later", status >= 500


def is_of_network(problem: BaseException) -> bool:
    """Whether an OSError is the network's and not the disk's: the disk's have a number."""
    from requests import RequestException

    return isinstance(problem, RequestException) or getattr(problem, "errno", None) is None


def _chain(problem: BaseException | None) -> str:
    """The texts of an error and of those that caused it."""
    texts: list[str] = []
    while problem is not None and len(texts) < 10:
        texts.append(f"{type(problem).__name__}: {problem}")
        problem = problem.__cause__ or problem.__context__
    return "\n".join(texts)


def _proxy(url: str) -> str:
    """Where requests to `url` go first, without the password that it may hold."""
    from requests.utils import get_environ_proxies, select_proxy

    parts = urlsplit(select_proxy(url, get_environ_proxies(url)) or "")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}" if parts.hostname else "of this network"


def _short(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:120]
