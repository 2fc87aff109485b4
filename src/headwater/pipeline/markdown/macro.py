"""A macro as storage format writes it: a name, parameters, and a body of blocks or of plain text."""

from dataclasses import dataclass

from headwater.pipeline.markdown.links import find_target
from headwater.pipeline.markdown.text import normalise_space
from headwater.pipeline.markdown.visitor import Visitor
from headwater.pipeline.storage_names import AC, Element, read_text

PARAMETERS = (f"{AC}parameter", f"{AC}default-parameter")
_PLAIN_BODY = f"{AC}plain-text-body"


@dataclass(frozen=True, slots=True)
class Macro:
    """One macro on a page."""

    element: Element

    @property
    def name(self) -> str:
        """The macro's name in Confluence, such as ``info``."""
        return self.element.get(f"{AC}name", "")

    def read_parameter(self, *names: str) -> str:
        """Return the first of these parameters that says something; the default parameter is ``""``."""
        values = (self._read(name) for name in names)
        return next(filter(None, values), "")

    def find_parameter(self, *names: str) -> Element | None:
        """Return the element of the first of these parameters that is there."""
        found = {
            _name_of(parameter): parameter for parameter in self.element.iterchildren(*PARAMETERS)
        }
        return next((found[name] for name in names if name in found), None)

    def list_parameters(self) -> list[tuple[str, str]]:
        """Return every parameter's name and value, in order."""
        parameters = self.element.iterchildren(*PARAMETERS)
        return [(_name_of(parameter), _value_of(parameter)) for parameter in parameters]

    def render_body(self, visitor: Visitor) -> list[str]:
        """Return the body as blocks, and whatever else is inside that is no parameter."""
        return visitor.render_blocks(self.element, skip=PARAMETERS)

    def read_plain_body(self) -> str:
        """Return the plain-text bodies byte for byte; split CDATA sections join."""
        return "".join(read_text(body) for body in self.element.iterchildren(_PLAIN_BODY))

    def render_besides(self, visitor: Visitor) -> list[str]:
        """Return what is in the macro beside parameters and plain text, as blocks."""
        return visitor.render_blocks(self.element, skip=(*PARAMETERS, _PLAIN_BODY))

    def _read(self, name: str) -> str:
        parameter = self.find_parameter(name)
        return "" if parameter is None else _value_of(parameter)


def _name_of(parameter: Element) -> str:
    return parameter.get(f"{AC}name", "")


def _value_of(parameter: Element) -> str:
    target = find_target(parameter)
    written = normalise_space(read_text(parameter)).strip()
    return written or (target.label if target else "")
