"""HTML as it comes: what is left of templates in it, and when there is nothing to see."""

import pytest

from gate.probes.web.exchange import Answer
from gate.probes.web.markup import Markup


def page(html):
    return Markup(Answer(200, (("content-type", "text/html"),), html.encode(), 0.0)).page("$")


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<h1>{{ user.name }}</h1>", "{{ user.name }}"),
        ("<h1>{{ user\n  .name }}</h1>", "{{ user .name }}"),
        ("<h1>{% if x %}</h1>", "{% if x %}"),
        ("<h1>${user}</h1>", "${user}"),
        ("<h1>#{user}</h1>", "#{user}"),
        ("<h1><%= user %></h1>", "<%= user %>"),
        ("<h1>%(user)s</h1>", "%(user)s"),
        ("<h1>@Model.Name</h1>", "@Model.Name"),
        ("<h1><?php echo $user; ?></h1>", "<?php echo $user;"),
        ("<h1><?= $user ?></h1>", "<?= $user"),
        ("<a href='/users/{{ id }}'>me</a>", "{{ id }}"),
    ],
)
def test_what_a_template_language_leaves_behind_is_found(html, left):
    assert page(html).braces == (left,)


@pytest.mark.parametrize(
    "html",
    [
        "<script>let a = `${x}`</script><h1>x</h1>",
        "<pre>{{ x }}</pre><code>%(x)s</code>",
        "<p>write to me@Model.name, 100 %(s) sure, #1 {x}</p>",
        "<?xml version='1.0'?><html><p>&lt;?php echo 1 ?&gt;</p></html>",
        "<p v-text='x'>x</p>",
    ],
)
def test_other_text_is_none(html):
    assert page(html).braces == ()


@pytest.mark.parametrize(
    ("html", "empty"),
    [
        ("", True),
        (" \n", True),
        ("<html><title>Shop</title><body></body></html>", True),
        ("<body><!-- nothing --></body>", True),
        ("<body><iframe src='/app'></iframe></body>", False),
        ("<meta http-equiv='refresh' content='0; url=/app'>", False),
        ("<svg><path d='M0 0'/></svg>", False),
        ("<div id=app></div><script src='/app.js'></script>", False),
    ],
)
def test_a_page_is_empty_where_there_is_nothing_to_see(html, empty):
    assert page(html).empty is empty
