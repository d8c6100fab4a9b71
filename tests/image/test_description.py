"""Names of volumes, also where an archive gives its files odd ones."""

from types import SimpleNamespace
from typing import cast

import pytest

from voxz.container.reader import StoredArray
from voxz.image.description import name_of


class Files(list[SimpleNamespace]):
    """Files of one array."""

    named = True

    def files_of(self, number: int) -> range:
        """All of them."""
        return range(len(self))


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["a.nii"], "a.nii"),
        (["a/1.dcm", "a/2.dcm"], "a"),
        (["1.dcm", "2.dcm"], "."),
        (["a/b/1", "a/c/2"], "a"),
        (["/x/1", "y/2"], "."),
        (["/x/1", "/x/2"], "x"),
    ],
)
def test_a_volume_has_the_name_of_its_file_or_folder(names: list[str], name: str) -> None:
    files = Files(SimpleNamespace(name=name) for name in names)
    assert name_of(cast(StoredArray, SimpleNamespace(number=0, reader=SimpleNamespace(files=files)))) == name
