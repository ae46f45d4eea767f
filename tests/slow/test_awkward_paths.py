"""Every command under every awkward name of a folder, by relative and absolute paths: trained there, not copied."""

import pytest
from helpers import awkward, tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("awkward") / "base", each=14)


@pytest.mark.parametrize("name", [*awkward.NAMES, *awkward.UNSEEN], ids=ascii)
def test_every_command_works_under_every_name(name, pictures, tmp_path):
    """Odd and even ones by relative and absolute paths, which is decided by the place in the list."""
    relative = [*awkward.NAMES, *awkward.UNSEEN].index(name) % 2 == 0 or name.startswith(("-", "~"))
    with awkward.working_in(tmp_path):
        place = awkward.Place(tmp_path, name, relative)
        place.prepare(pictures)
        said = {what: call() for what, call in place.commands()}
    assert not any(said.values()), {what: text for what, text in said.items() if text}
    assert place.wrote() == []


@pytest.mark.parametrize("name", awkward.NAMES, ids=ascii)
def test_by_the_other_kind_of_path_what_was_trained_elsewhere_is_read(name, pictures, tmp_path, trained):
    relative = awkward.NAMES.index(name) % 2 == 1
    with awkward.working_in(tmp_path):
        place = awkward.Place(tmp_path, name, relative)
        place.prepare(pictures, trained)
        said = {what: call() for what, call in place.commands(steps=0, whole=False)}
    assert not any(said.values()), {what: text for what, text in said.items() if text}
    assert place.wrote() == []


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    place = awkward.Place(tmp_path_factory.mktemp("trained"), "plain")
    place.prepare(pictures)
    assert next(call() for name, call in place.commands() if name == "train") == ""
    return place.real / "plain"
