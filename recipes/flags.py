"""How arguments that several recipes share appear on the command line."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

Source = Annotated[Any, Parameter(converter=lambda type_, tokens: tokens[0].value, n_tokens=1)]
Callbacks = Annotated[Sequence[Any], Parameter(parse=False)]
