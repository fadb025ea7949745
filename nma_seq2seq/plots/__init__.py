"""Every figure of the course.

Each is one call that draws into a new figure, or into the `ax` or `axes` that it is given, and
returns them, so that a reader can change what is drawn. `described` says a figure in words.
"""

import lazy_loader

# The names are in the stub beside this file, where editors and mypy read them. A module is loaded
# when a figure of it is first drawn.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
