from hypothesis import given
from hypothesis import strategies as st

from gate.core.redaction import Redactor
from gate.probes.words import LINE_MAX, Words

# No character of the secret is in the surroundings, so that any run of it found is a leak.
SECRET = "QWERTYUIOPASDFGHJKL"
WORDS = Words(Redactor({"alice": SECRET}))
AROUND = st.text(alphabet=st.sampled_from("xyz \n\x1b\u202e\x00é"), max_size=700)


@given(st.lists(AROUND, max_size=6), st.integers(20, LINE_MAX), st.integers(0, 40))
def test_no_part_of_a_secret_survives_any_cut(parts, limit, more):
    whole = SECRET.join(parts)
    for text, cut in ((whole, False), (whole[: WORDS.reach(limit) + more], len(whole) > 0)):
        line = WORDS.line(text, limit, cut=cut)
        assert not set(line) & set(SECRET)
        assert len(line) <= limit
        assert line.isprintable()


@given(st.lists(AROUND, max_size=6), st.integers(1, 20))
def test_no_part_of_a_secret_survives_in_lines(parts, count):
    lines = WORDS.lines(SECRET.join(parts), count)
    assert len(lines) <= count
    for line in lines:
        assert not set(line) & set(SECRET)
        assert len(line) <= LINE_MAX
        assert line.isprintable()


@given(st.text())
def test_any_text_at_all_becomes_one_printable_line(text):
    line = WORDS.line(text)
    line.encode()
    assert "\n" not in line
    assert "\x1b" not in line
