"""Every figure of the course.

Each is one call that draws a `Session`, a `Dataset` or a table into a new figure, or into the `ax`
or `axes` (an array or list) that it is given, and returns them, so that a reader can change what is
drawn. A figure that several settings go into names them in its docstring; what cannot be drawn (a
region, neuron, trial or column that is not there, a column with too many values) is a ValueError
that says what is. `described` says a figure in words.
"""

import lazy_loader

# The names are in the stub beside this file, where editors and mypy read them. A module is loaded
# when a figure of it is first drawn.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
