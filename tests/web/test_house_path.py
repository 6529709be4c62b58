"""A house's id in a path: any text there is, and each in one way only."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quartapp.web.house_path import escaped, unescaped

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(texts | st.text("~/.012", max_size=8))
@example("")
@example(".")
@example("..")
@example("~1")
def test_any_id_is_spelt_in_one_segment_and_read_again(id: str) -> None:
    segment = escaped(id)

    assert unescaped(segment) == id
    assert "/" not in segment
    assert segment not in {".", ".."}


@given(st.text("~/.0123a", max_size=8))
def test_no_two_segments_mean_one_id(segment: str) -> None:
    try:
        id = unescaped(segment)
    except ValueError:
        return
    assert escaped(id) == segment


@pytest.mark.parametrize(
    "segment", ["", "~", "a~", "a~3", "~3~3", "a~2", "~2a", ".", "..", "~2.", "/"]
)
def test_what_no_id_is_spelt_like_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="not how a path spells"):
        unescaped(segment)
