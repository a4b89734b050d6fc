"""Figures: labels that cover nothing, and colours that can be told from the page."""

import pytest

from cnn_study.figures import colors, labels
from cnn_study.figures.colors import DARK, LIGHT, contrast


@pytest.mark.parametrize(
    "points",
    [
        [(100.0, 50.0), (103.0, 52.0), (104.0, 48.0), (290.0, 50.0)],
        [(200.0, 100.0 + place) for place in range(12)],
    ],
    ids=["apart", "many at one cost"],
)
def test_labels_cover_neither_points_nor_each_other(points):
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    placed = []
    for point in points:
        box = labels.best_box(point, (90, 9), [*taken, *placed], (0, 0, 400, 200))
        assert labels.outside(box, (0, 0, 400, 200)) == 0
        assert labels.hits([box], [*taken, *placed]) == 0
        placed.append(box)


def test_a_slanted_leader_does_not_hit_the_box_of_its_own_point():
    reach = labels.REACH
    own = (-reach, -reach, reach, reach)
    below = (30, -40, 120, -31)
    assert labels.hits(labels._leader((0, 0), below), [own]) == 0
    assert labels.hits(labels._leader((0, 0), below), [(20, -25, 25, -20)]) > 0


def test_overlap_is_symmetric_and_touching_is_none():
    one = (0, 0, 2, 2)
    assert labels.hits([one], [(1, 1, 3, 3)]) == 1
    assert labels.hits([(1, 1, 3, 3)], [one]) == 1
    assert labels.hits([one], [(2, 0, 4, 2)]) == 0
    assert labels.hits([one, (1, 1, 3, 3)], [one, (1, 1, 3, 3), (9, 9, 10, 10)]) == 4
    assert labels.hits([one], []) == 0


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(look):
    """WCAG 2.2: 4.5 for text, 3 for graphics."""
    assert contrast(look.text, look.page) > 7
    assert contrast(look.muted, look.page) > 4.5
    assert all(
        contrast(color, look.page) > 3
        for color in (look.more, look.less, look.enhanced, *look.shades)
    )


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["rising", "diverging"])
def test_words_can_be_read_on_every_colour_of_a_heat_map(look, name):
    palette = getattr(colors, name)
    for step in range(21):
        share = step / 20
        written = colors.ink(share, palette)
        if look is DARK:
            written = colors.counterparts()[written]
        assert contrast(written, palette(look)(share)) > 3.5, step


@pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])
def test_diverging_colours_are_orange_below_and_blue_above(look):
    from matplotlib.colors import to_hex

    ends = [to_hex(colors.diverging(look)(share)) for share in (0.0, 1.0)]
    assert ends == [look.less, look.more]


def test_each_light_colour_has_one_dark_colour():
    found = colors.counterparts()
    assert [found[color] for color in LIGHT.all] == list(DARK.all)
    assert len(set(LIGHT.all)) == len(LIGHT.all)
    assert len(found) > 2 * colors.LEVELS - 10  # few levels of the colour maps share a colour


def test_dark_colours_are_added_for_what_is_drawn_and_nothing_else():
    svg = b'<?xml version="1.0"?><svg width="9"><path style="fill: #0072b2; stroke: none"/></svg>'
    assert colors.with_dark(svg).decode() == (
        '<?xml version="1.0"?><svg width="9">'
        "<style>@media (prefers-color-scheme: dark)"
        '{[style*="fill: #0072b2"]{fill:#56b4e9!important}}</style>'
        '<path style="fill: #0072b2; stroke: none"/></svg>'
    )


def test_contrast_of_black_and_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
