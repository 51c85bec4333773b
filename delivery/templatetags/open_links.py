"""Links to what not everybody may see: who would be refused there reads the words alone."""

import re
from html import unescape
from urllib.parse import urljoin

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

from delivery.screens import may_open

register = template.Library()
_LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)


class OpenLinks(Node):
    """What stands in it, without the links that would be refused; their words stay."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        request = context["request"]

        def link_or_words(found: re.Match[str]) -> str:
            address = urljoin(request.path, unescape(found[1]))
            return found[0] if may_open(request, address) else found[2]

        return mark_safe(_LINK.sub(link_or_words, self.nodelist.render(context)))  # noqa: S308 (was safe before)


@register.tag
def open_links(parser: Parser, token: Token) -> OpenLinks:
    """`{% open_links %}…{% end_open_links %}` around what Django, or a row of a list, has drawn."""
    nodelist = parser.parse(("end_open_links",))
    parser.delete_first_token()
    return OpenLinks(nodelist)
