"""What a notebook shows of a program, and the methods of programs that need the viewers."""

from html.parser import HTMLParser

import msgspec
import networkx as nx

import qpilot
from qpilot.visualize import html_page, page
from tests.strategies import flying_cz


class Elements(HTMLParser):
    """Collects the elements of a page, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def named(name):
    program = flying_cz()
    return msgspec.structs.replace(program, circuit=msgspec.structs.replace(program.circuit, name=name))


def test_a_notebook_shows_summary_and_page():
    program = flying_cz()
    (summary, _), (frame, attributes) = Elements(program._repr_html_()).found
    assert (summary, frame) == ("pre", "iframe")
    assert attributes["srcdoc"] == html_page(program)
    assert attributes["sandbox"] == "allow-scripts"
    assert "depth" in program._repr_html_()


def test_a_hostile_name_stays_text():
    program = named('"><script>alert(1)</script>')
    assert [tag for tag, _ in Elements(program._repr_html_()).found] == ["pre", "iframe"]


def test_a_large_page_is_left_out(monkeypatch):
    monkeypatch.setattr(page, "NOTEBOOK_BYTES", 1000)
    html = flying_cz()._repr_html_()
    assert [tag for tag, _ in Elements(html).found] == ["pre", "p"]
    assert "to_html" in html


def test_a_picture_where_pages_cannot_be_shown():
    assert flying_cz()._repr_png_().startswith(b"\x89PNG")
    large = qpilot.compile(qpilot.qaoa_circuit(nx.path_graph(101), [0.1], [0.1]))
    assert large._repr_png_() is None


def test_programs_write_files_for_naviz(tmp_path):
    written = flying_cz().to_naviz(tmp_path / "pair.naviz")
    assert len(written) == 3
    assert all(path.stat().st_size for path in written)
