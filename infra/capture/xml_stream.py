"""XML as a stream of events: memory stays flat however long the file is, and nothing in it is ever expanded."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from infra.capture.reader import Unreadable

CHUNK_BYTES = 2**20
DEPTH_MAX = 40
TEXT_MAX = 1_000
Attributes: TypeAlias = "AttributesImpl[str]"
Found = TypeVar("Found")


class Events(ContentHandler, Generic[Found]):
    """Base of what listens to a file: override `begin` and `end`, put what was found into `found`.

    Names come without their namespace; of the text of an element the first TEXT_MAX characters are kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Found] = []
        self.path: list[str] = []
        self._text = ""

    def begin(self, name: str, attributes: Attributes) -> None:
        """The start of an element; `path` ends with it."""

    def end(self, name: str, text: str) -> None:
        """The end of an element and the text since the last tag; `path` ends with it."""

    def startElement(self, name: str, attrs: Attributes) -> None:
        local = name.rpartition(":")[2]
        self.path.append(local)
        if len(self.path) > DEPTH_MAX:
            raise Unreadable("DAMAGED_XML", "The file is nested deeper than any file of its kind.")
        self._text = ""
        self.begin(local, attrs)

    def characters(self, content: str) -> None:
        if len(self._text) < TEXT_MAX:
            self._text += content[:TEXT_MAX]

    def endElement(self, name: str) -> None:
        self.end(self.path[-1], self._text)
        self._text = ""
        self.path.pop()


def chunks_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def found_in(chunks: Iterable[bytes], events: Events[Found]) -> Iterator[Found]:
    """Everything that `events` finds, as soon as it is found; raises Unreadable for XML that is unsafe or damaged.

    The chunks should be large: expat looks at an unfinished tag anew with each of them.
    """
    parser = DefusedExpatParser(forbid_dtd=True)
    parser.setContentHandler(events)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            yield from events.found
            events.found.clear()
        parser.close()
        yield from events.found
    except DefusedXmlException as error:
        raise Unreadable("FORBIDDEN_XML", "The file has a document type or entities, which it should not.") from error
    except (SAXException, LookupError, ValueError) as error:
        raise Unreadable("DAMAGED_XML", "The file is damaged or was cut short: its XML does not end.") from error
