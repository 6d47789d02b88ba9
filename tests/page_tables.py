"""Tables of a page, as the text of their cells."""

import re


def lines(html: str, caption: str) -> list[list[str]]:
    """The text of the table whose caption begins so, cell by cell."""
    table = html.split(f"<caption>{caption}")[1].split("</table>")[0]
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", table)
    ]
