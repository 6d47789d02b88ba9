"""Web archives, pages, XML corpora, Wikipedia dumps and gettext catalogues."""

import bz2
import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.read import Batch, Limits, Rule, blocks, parse
from panlect.text.wikitext import plain_text


def read(path: Path, rule: Rule | None = None, **limits: int) -> Batch:
    bounds, whole = Limits(**limits), Batch()
    for block in blocks(str(path), path.name, rule or Rule(), bounds):
        batch = parse(block, bounds)
        whole.documents += batch.documents
        whole.pairs += batch.pairs
        whole.bad += batch.bad
    return whole


def record(kind: str, content: bytes, **fields: str) -> bytes:
    lines = [f"WARC-Type: {kind}", *(f"{key.replace('_', '-')}: {value}" for key, value in fields.items())]
    head = "\r\n".join(["WARC/1.0", *lines, f"Content-Length: {len(content)}"])
    return head.encode() + b"\r\n\r\n" + content + b"\r\n\r\n"


WET = [
    record("warcinfo", b"software: x\r\n"),
    record("conversion", b"Habari ya leo\nWARC/1.0 is mentioned", WARC_Target_URI="http://a.tz/1"),
    record(
        "conversion",
        "สวัสดี".encode(),
        WARC_Target_URI="<http://b.th>",
        WARC_Identified_Content_Language="tha,eng",
    ),
    record("conversion", b"", WARC_Target_URI="http://empty"),
]


@pytest.mark.parametrize("block_bytes", [8 << 20, 64])
@pytest.mark.parametrize("per_record", [True, False])
def test_wet(tmp_path, block_bytes, per_record):
    path = tmp_path / "x.warc.wet.gz"
    data = b"".join(map(gzip.compress, WET)) if per_record else gzip.compress(b"".join(WET))
    path.write_bytes(data)
    batch = read(path, block_bytes=block_bytes)
    found = [(document.text, document.language, document.url) for document in batch.documents]
    assert found == [
        ("Habari ya leo\nWARC/1.0 is mentioned", "", "http://a.tz/1"),
        ("สวัสดี", "tha", "http://b.th"),
    ]
    assert [(bad.place, bad.reason) for bad in batch.bad] == [("x.warc.wet.gz:4", "empty")]


def test_a_cut_archive_gives_every_whole_record(tmp_path):
    many = [record("conversion", f"text number {i} {'x' * 200}".encode()) for i in range(500)]
    path = tmp_path / "x.warc.wet"
    data = b"".join(many)
    path.write_bytes(data[: len(data) // 2])
    batch = read(path, block_bytes=1 << 12)
    assert [document.text.split()[2] for document in batch.documents] == [str(i) for i in range(250)]
    assert [bad.reason for bad in batch.bad] == ["truncated_file"]
    packed = tmp_path / "y.warc.wet.gz"
    packed.write_bytes(b"".join(map(gzip.compress, many))[:20_000])
    cut = read(packed)
    assert 100 < len(cut.documents) < 250
    assert [bad.reason for bad in cut.bad] == ["truncated_file"]


PAGE = """<!DOCTYPE html><html lang="{language}"><head><title>t</title><style>p {{}}</style>
<script>var x = "menu";</script></head><body><nav><a href="/">Home</a> <a href="/b">About</a></nav>
<main><article><h1>{title}</h1><p>{text}</p><p>{text}</p></article></main>
<footer>Copyright 2024 cookies</footer></body></html>"""
TEXTS = {
    "sw": (
        "Soko",
        "Soko la samaki hufunguliwa kila siku asubuhi na mapema, na wavuvi huja kuuza samaki wao.",
    ),
    "th": ("ตลาด", "ตลาดเปิดทุกเช้าเวลาเจ็ดโมง ชาวประมงนำปลามาขายทุกวัน และผู้คนมาซื้อของกันมากมาย"),
    "ar": ("السوق", "يفتح السوق كل صباح في الساعة السابعة تماما ويأتي الصيادون لبيع أسماكهم كل يوم هناك."),
    "ru": (
        "Рынок",
        "Рынок открывается каждое утро в семь часов, и рыбаки приходят продавать свою рыбу сюда.",
    ),
    "hi": ("बाज़ार", "बाज़ार हर सुबह सात बजे खुलता है और मछुआरे अपनी मछली बेचने के लिए हर दिन यहाँ आते हैं।"),
}


@pytest.mark.parametrize("language", TEXTS)
def test_pages_give_their_main_text(tmp_path, language):
    title, text = TEXTS[language]
    page = PAGE.format(language=language, title=title, text=text)
    path = tmp_path / "page.html"
    path.write_text(page, encoding="utf-8")
    [document] = read(path).documents
    assert document.text.count(text) == 2
    assert not {"menu", "Copyright", "About"} & set(document.text.split())
    assert document.language == language
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page.encode()
    image = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG"
    archive = tmp_path / "x.warc.gz"
    archive.write_bytes(gzip.compress(record("response", http) + record("response", image)))
    batch = read(archive)
    assert [each.text for each in batch.documents] == [document.text]
    assert not batch.bad


def test_pages_in_old_encodings(tmp_path):
    title, text = TEXTS["ru"]
    path = tmp_path / "page.html"
    path.write_bytes(PAGE.format(language="ru", title=title, text=text).encode("cp1251"))
    assert text in read(path).documents[0].text


def test_udhr_and_bible(tmp_path):
    udhr = tmp_path / "udhr_swh.xml"
    udhr.write_text(
        "<?xml version='1.0' encoding='UTF-8'?><udhr iso639-3='swh' iso15924='Latn' xmlns='http://efele.net/udhr'>"
        "<title>Taarifa</title><article number='1'><para>Watu wote\n wamezaliwa huru.</para></article></udhr>",
        encoding="utf-8",
    )
    [document] = read(udhr).documents
    assert (document.text, document.language) == ("Taarifa\nWatu wote wamezaliwa huru.", "swh_Latn")
    assert [d.text for d in read(udhr, Rule(rows="paragraph")).documents] == [
        "Taarifa",
        "Watu wote wamezaliwa huru.",
    ]
    bible = tmp_path / "x.xml"
    bible.write_text(
        "<cesDoc><cesHeader><language id='do' iso639='dop'/></cesHeader><text><body><div id='b.MAR' type='book'>"
        "<div id='b.MAR.1' type='chapter'><seg id='1'>Ɩsɔ\n a</seg><seg id='2'>b</seg></div></div></body></text></cesDoc>",
        encoding="utf-8",
    )
    [chapter] = read(bible).documents
    assert (chapter.text, chapter.language, chapter.place) == ("Ɩsɔ a\nb", "dop", "x.xml:b.MAR.1")
    bible.write_text("<cesDoc><unclosed></cesDoc>")
    assert [bad.reason for bad in read(bible).bad] == ["invalid_xml"]


DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="sw">
<page><title>Nairobi</title><ns>0</ns><revision><text bytes="9">'''Nairobi''' ni [[mji]] mkuu wa [[Kenya|nchi ya Kenya]].{{fact|{{x}}}}
[[File:a.png|thumb|Picha ya [[mji]]]]
== Historia ==
* Mwaka 1899&lt;ref&gt;tanbihi&lt;/ref&gt;
{| class="x"
| a
|}
[[Jamii:Miji]]</text></revision></page>
<page><title>Nbo</title><ns>0</ns><redirect title="Nairobi" /><revision><text>#REDIRECT [[Nairobi]]</text></revision></page>
<page><title>Majadiliano:Nairobi</title><ns>1</ns><revision><text>hi</text></revision></page>
<page><title>Mto &amp; ziwa</title><ns>0</ns><revision><text>Maji.</text></revision></page>
</mediawiki>"""


@pytest.mark.parametrize("block_bytes", [8 << 20, 300])
def test_wikipedia(tmp_path, block_bytes):
    path = tmp_path / "swwiki-20240101-pages-articles.xml.bz2"
    path.write_bytes(bz2.compress(DUMP.encode()))
    first, second = read(path, block_bytes=block_bytes).documents
    assert first.text == "Nairobi ni mji mkuu wa nchi ya Kenya.\n\nHistoria\nMwaka 1899"
    assert (first.language, first.url) == ("sw", "https://sw.wikipedia.org/wiki/Nairobi")
    assert (second.text, second.source, second.place.rpartition(":")[2]) == ("Maji.", "wikipedia", "4")


@settings(deadline=None)
@given(st.text(alphabet="[]{}|='<>!-a: \n", max_size=200))
def test_no_markup_crashes_the_plain_text(wikitext):
    text = plain_text(wikitext)
    assert len(text) <= len(wikitext)


def test_gettext(tmp_path):
    path = tmp_path / "sw.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Language: sw\\n"\n"Content-Type: text/plain\\n"\n\n'
        '#: a.c\nmsgid "Open %s"\nmsgstr "Fungua %s"\n\n'
        '#, fuzzy\nmsgid "Close"\nmsgstr "Funga?"\n\n'
        'msgctxt "menu"\nmsgid "one file"\nmsgid_plural "%d files"\nmsgstr[0] "faili moja"\nmsgstr[1] "faili %d"\n\n'
        'msgid "long "\n"line\\n"\nmsgstr "mstari "\n"mrefu\\n"\n\n'
        'msgid "untranslated"\nmsgstr ""\n\n#~ msgid "old"\n#~ msgstr "zamani"\n'
    )
    batch = read(path)
    assert [(p.source_text, p.target_text, p.target_language) for p in batch.pairs] == [
        ("Open %s", "Fungua %s", "sw"),
        ("one file", "faili moja", "sw"),
        ("long line\n", "mstari mrefu\n", "sw"),
    ]
    assert [bad.reason for bad in batch.bad] == ["fuzzy_translation"]


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=200)
    | st.text(alphabet='<>/page"msgidtr\n WARC/1.0:Content-Length5', max_size=200).map(str.encode),
    name=st.sampled_from(["a.warc", "a.wet", "a.html", "a.xml", "a.po", "awiki-1-pages-articles.xml"]),
)
def test_no_bytes_crash_a_reader(tmp_path_factory, data, name):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(data)
    read(path, block_bytes=60)


@pytest.mark.real_data
def test_real_archives(real_data):
    clipped = read(real_data / "web" / "warc_resiliparse" / "clipped.warc.gz")
    assert [bad.reason for bad in clipped.bad] == ["truncated_file"]
    whirlwind = read(real_data / "web" / "warc_whirlwind" / "whirlwind.warc.wet.gz")
    assert [document.language for document in whirlwind.documents] == ["spa"]
