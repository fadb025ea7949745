"""Predict one brain region's spikes from others, and read the latents: the course's helpers.

What is public stands in `__init__.pyi`, and only there: type checkers and editors read it, and at
run time each name is imported when it is first used, so `nma-seq2seq doctor` runs where torch is
broken.
"""

import lazy_loader

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":  # on demand too: doctor also runs where the course is not installed
        from importlib.metadata import version

        return version("nma-seq2seq")
    return _public(name)
