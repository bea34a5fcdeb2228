# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""No link within the site is dead, and none leads to a place that its page lacks."""

from urllib.parse import unquote, urlsplit


def test_links(page, parse):
    dead = [
        link["href"]
        for link in parse(page).find_all("a", href=True)
        if not is_there(link["href"], page, parse)
    ]
    assert dead == []


def is_there(href, page, parse):
    parts = urlsplit(href)
    if parts.scheme:  # another site, which a check without a network cannot ask
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return False
    fragment = unquote(parts.fragment)
    if not fragment or target.suffix != ".html":
        return True
    return parse(target).find(attrs={"id": fragment}) is not None
