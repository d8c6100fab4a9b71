"""How the files that were gzip as a whole come back."""

from itertools import islice

from voxz.container.files import PLAIN
from voxz.container.reader import Reader
from voxz.image.series_facts import MOST_LISTED
from voxz.io.gzip_stream import MAGIC

REPLAYED, CONTENT_ONLY, VERBATIM = "replayed", "content only", "verbatim"


def gzip_files(reader: Reader) -> dict[str, str]:
    """Words for the first `MOST_LISTED` of them, by their names."""
    words = ((file.name, _word(reader, number)) for number, file in enumerate(reader.files))
    return dict(islice(((name, word) for name, word in words if word), MOST_LISTED))


def _word(reader: Reader, number: int) -> str:
    file = reader.files[number]
    if file.gzip is not None:
        return REPLAYED if file.gzip.exact else CONTENT_ONLY
    looks_so = file.format == PLAIN and file.size > len(MAGIC) and (not file.name or file.name.lower().endswith("gz"))
    pieces = reader.files.pieces_of(number) if looks_so else range(0)
    return VERBATIM if pieces and reader.piece(pieces[0])[: len(MAGIC)] == MAGIC else ""
